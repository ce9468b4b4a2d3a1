"""The caller's profile, region and credentials, and what is wrong where these cannot be used: a login helps then."""

import os
from dataclasses import dataclass
from typing import Final

import boto3
import botocore.session
from botocore import exceptions as of_botocore
from botocore.exceptions import ClientError, ProfileNotFound

from ops.errors import UsageError
from processing.storage.refusals import code_of

NAME_ONE: Final = "log in, name a --profile, or set AWS_ACCESS_KEY_ID and its companions"
LOG_IN: Final = "log in again (aws sso login, aws configure) or name another --profile"

UNUSABLE: Final = (
    of_botocore.CredentialRetrievalError,
    of_botocore.LoginError,
    of_botocore.MetadataRetrievalError,
    of_botocore.NoAuthTokenError,
    of_botocore.PartialCredentialsError,
    of_botocore.SSOError,
    of_botocore.TokenRetrievalError,
)
MISCONFIGURED: Final = (
    of_botocore.ConfigNotFound,
    of_botocore.ConfigParseError,
    of_botocore.InfiniteLoopConfigError,
    of_botocore.InvalidConfigError,
    of_botocore.InvalidRegionError,
    of_botocore.MissingDependencyException,
    of_botocore.UnknownCredentialError,
)
EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
REFUSED: Final = (
    *EXPIRED,
    *("InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch"),
    "UnrecognizedClientException",
)


@dataclass(frozen=True)
class CredentialsFault:
    """What is wrong, what to do about it, and the exit code of a command that it ends."""

    what: str
    advice: str
    exit_code: int = 2


def credentials_fault(error: BaseException | None) -> CredentialsFault | None:
    """What is wrong with the caller's credentials or configuration; None if these are not the cause.

    Credentials that AWS refuses may have expired with half of the work done: that is no usage error.
    """
    if isinstance(error, of_botocore.NoCredentialsError):
        return CredentialsFault("no AWS credentials", NAME_ONE)
    if isinstance(error, UNUSABLE):
        return CredentialsFault(f"the AWS credentials cannot be used: {error}", LOG_IN)
    if isinstance(error, MISCONFIGURED):
        return CredentialsFault(
            f"the AWS configuration cannot be used: {error}", "correct it, or name another --profile"
        )
    if isinstance(error, ClientError) and code_of(error) in REFUSED:
        return CredentialsFault(f"AWS refuses the credentials: {error}", LOG_IN, exit_code=1)
    return None


def session_of(region: str | None, profile: str | None) -> boto3.session.Session:
    """A session for AWS by --region and --profile, or by what the environment says.

    Raises:
        UsageError: there is no such profile, or no region is known.
    """
    profile = profile_of(profile)
    try:
        return boto3.session.Session(region_name=region_of(region, profile), profile_name=profile)
    except ProfileNotFound as error:
        raise UsageError(f"{error}: name another --profile, or create it: aws configure --profile {profile}") from error


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
