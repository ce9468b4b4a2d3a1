"""A deployed stage, as the commands see it: its queues, buckets and table by name, and clients for them.

What is where comes from the outputs of the stage's CloudFormation stack, so a command needs a stage's name and nothing
more. The stage "local" is the local stack of the `darkroom start --keep-running` or `darkroom local` that runs in
this clone; of several, the one that AWS_ENDPOINT_URL names.
"""

import functools
import inspect
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import boto3
import botocore.session
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ProfileNotFound, ReadTimeoutError

from ops.cli.absent import no_stack, unfinished_stack
from ops.cli.checkout import ROOT, require_checkout
from ops.cli.hints import command
from ops.cli.terminal import NameOption, NoneOption, ProfileOption, RegionOption, stderr
from ops.errors import UsageError
from ops.local.announcement import running_stack
from ops.local.emulator import REGION

LOCAL = "local"
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml each command begins 10 ms later
Result = TypeVar("Result")
TRIES = 5
CLIENT = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    max_pool_connections=64,
)


@dataclass(frozen=True)
class Stage:
    """One stage. ``client`` gives the boto3 client of a service, the same one each time, for any thread.

    ``event_bus`` and ``events_dlq_url`` are empty where the stage has no events.
    ``ingest`` is the stage's parameter: whether the uploads bucket notifies the queue itself, or a rule of EventBridge.
    ``switches`` are the names of the parameters that are on; ``given`` has the values that differ from the defaults of
    the version that was deployed, ``defaults`` all of these. Each is None where the stage was deployed before
    its outputs had it; ``recipe_version`` is empty then. ``named_by`` has the --region and --profile that were given.
    """

    name: str
    region: str
    uploads_bucket: str
    uploads_prefix: str
    variants_bucket: str
    images_table: str
    queue_url: str
    dlq_url: str
    consumer: str
    cdn: str  # scheme and host of the CDN in front of the variants bucket; empty without one
    client: Callable[[str], Any]
    event_bus: str = ""
    events_dlq_url: str = ""
    ingest: str = "s3"
    switches: frozenset[str] | None = None
    recipe_version: str = ""
    given: Mapping[str, str] | None = None
    defaults: Mapping[str, str] | None = None
    named_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, region: str, outputs: Mapping[str, str], client: Callable[[str], Any]) -> Self:
        """The stage whose stack has these outputs (resources/outputs.yml)."""
        return cls(
            name=name,
            region=region,
            uploads_bucket=outputs["UploadsBucket"],
            uploads_prefix=outputs["UploadsPrefix"],
            variants_bucket=outputs["VariantsBucket"],
            images_table=outputs["ImagesTable"],
            queue_url=outputs["UploadsQueueUrl"],
            dlq_url=outputs["UploadsDlqUrl"],
            consumer=outputs["ConsumerFunction"],
            cdn=outputs.get("CdnUrl", ""),
            client=client,
            event_bus=outputs.get("EventBus", ""),
            events_dlq_url=outputs.get("EventsDlqUrl", ""),
            ingest=outputs.get("Ingest", "s3"),
            switches=frozenset(outputs["Switches"].split(",")) - {""} if "Switches" in outputs else None,
            recipe_version=outputs.get("RecipeVersion", ""),
            given=json.loads(outputs["Parameters"]) if "Parameters" in outputs else None,
            defaults=json.loads(outputs["ParameterDefaults"]) if "ParameterDefaults" in outputs else None,
        )

    def command(self, *words: str) -> str:
        """A command on this stage, to paste."""
        return command(*words, stage=self.name, given=self.named_by)


def find(name: str, region: str | None = None, profile: str | None = None) -> Stage:
    """Look a stage up by its name.

    Raises:
        NoStackError: there is no such stage, or its deployment is not complete; the message says what to do.
        UsageError: there is no such region or profile.
    """
    client = connect(name, region, profile)
    cloudformation = client("cloudformation")
    stack = stack_name(name)
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        raise no_stack(name, stack_name, cloudformation) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}
    if "UploadsDlqUrl" not in outputs:
        raise unfinished_stack(name, stack, described["StackStatus"], cloudformation.meta.region_name)
    if name == LOCAL:
        outputs["CdnUrl"] = running_stack().cdn
    found = Stage.of(name, cloudformation.meta.region_name, outputs, client)
    return replace(found, named_by=given_options(region, profile))


def given_options(region: str | None, profile: str | None) -> tuple[str, ...]:
    """--region and --profile as they were given, to repeat them."""
    options = (("--region", region), ("--profile", profile))
    return tuple(word for name, value in options if value for word in (name, value))


def stack_name(name: str) -> str:
    """The CloudFormation stack of a stage."""
    return f"{service_description()['service']}-{name}"


def on_stage(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command that takes a `Stage` as ``stage`` the options --stage, --region and --profile in its place."""
    return _with_options(command, NameOption, "dev")


def on_stage_if_named(command: Callable[..., Result]) -> Callable[..., Result]:
    """The same for a command that works without a stage as well: it is given None where there is no --stage."""
    return _with_options(command, NoneOption, None)


def _with_options(command: Callable[..., Result], name_option: Any, default: str | None) -> Callable[..., Result]:
    signature = inspect.signature(command)
    options = {"stage_name": (name_option, default), "region": (RegionOption, None), "profile": (ProfileOption, None)}

    @functools.wraps(command)
    def found(*, stage_name: str | None, region: str | None, profile: str | None, **others: Any) -> Result:
        return command(stage=find(stage_name, region, profile) if stage_name is not None else None, **others)

    own = [each for each in signature.parameters.values() if each.name != "stage"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    found.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    hints = {each.name: each.annotation for each in own} | {name: note for name, (note, _) in options.items()}
    found.__annotations__ = hints | {"return": signature.return_annotation}
    return found


def service_description() -> dict[str, Any]:
    """serverless.yml of this checkout, or of the release that is installed, as it is written."""
    text = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, Loader=_SafeLoader)  # noqa: S506 - safe in C or in Python
    return content


def connect(name: str, region: str | None = None, profile: str | None = None) -> Callable[[str], Any]:
    """What gives the boto3 client of a service, made when it is first used, for a stage that need not be deployed.

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
                made[service].meta.events.register_first("needs-retry", _report_silence)
            return made[service]

    return client


def _report_silence(attempts: int, caught_exception: Exception | None, operation: Any, **_: Any) -> None:
    """Say that a request was not answered: who waits for minutes would take the command for one that hangs."""
    if isinstance(caught_exception, (ConnectTimeoutError, ReadTimeoutError)):
        stderr().print(f"{operation.name} was not answered (try {attempts} of {TRIES}): {caught_exception}")


def _session(name: str, region: str | None, profile: str | None) -> tuple[Any, str | None]:
    if name == LOCAL:
        if not os.environ.get("AWS_ENDPOINT_URL"):
            require_checkout("the stage local")
        running = running_stack()
        return running.credentials.session(REGION), running.endpoint
    return _session_of(region, profile), None


def _session_of(region: str | None, profile: str | None) -> boto3.session.Session:
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
