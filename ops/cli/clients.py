"""boto3 clients for a stage, by its name, the region and the profile: of AWS, or of the embedded stack."""

import os
import threading
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from ops.errors import UsageError
from ops.local.announcement import running_stack
from ops.local.emulator import REGION

LOCAL = "local"
CLIENT = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=64,
)


def connect(name: str, region: str | None = None, profile: str | None = None) -> Callable[[str], Any]:
    """What gives the boto3 client of a service, made when it is first asked for; the stage need not be deployed.

    Raises:
        UsageError: there is no such region or profile.
    """
    session, endpoint = _session(name, region, profile)
    # Links are signed with version 4 and name the bucket's own host, of which the emulator has none
    links = Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint else "virtual"})
    own = CLIENT.merge(Config(proxies={})) if endpoint else CLIENT  # no proxy leads to this machine
    made: dict[str, Any] = {}
    making = threading.Lock()

    def client(service: str) -> Any:
        with making:
            if service not in made:
                config = own.merge(links) if service == "s3" else own
                made[service] = session.client(service, config=config, endpoint_url=endpoint)
            return made[service]

    return client


def _session(name: str, region: str | None, profile: str | None) -> tuple[Any, str | None]:
    if name == LOCAL:
        running = running_stack()
        return running.credentials.session(REGION), running.endpoint
    profile = profile_of(profile)
    try:
        session = boto3.session.Session(region_name=region_of(region, profile), profile_name=profile)
    except ProfileNotFound as error:
        raise UsageError(f"{error}: name another --profile, or make it: aws configure --profile {profile}") from error
    return session, None


def profile_of(profile: str | None) -> str | None:
    """--profile, AWS_PROFILE, AWS_DEFAULT_PROFILE, or None for the default. boto3 has the two variables reversed."""
    return profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or None


def region_of(region: str | None, profile: str | None) -> str:
    """The region: --region, AWS_REGION, AWS_DEFAULT_REGION, the profile's. Deployments follow resources/region.cjs.

    boto3 alone does not read AWS_REGION.

    Raises:
        UsageError: none is known.
        ProfileNotFound: there is no such profile.
    """
    for known in (region, os.environ.get("AWS_REGION"), os.environ.get("AWS_DEFAULT_REGION")):
        if known:
            return known
    session = botocore.session.Session(profile=profile)
    if configured := session.get_scoped_config().get("region"):
        return str(configured)
    raise UsageError(
        "no AWS region is known: name one with --region, in AWS_REGION, "
        "or in your profile (aws configure set region REGION)"
    )
