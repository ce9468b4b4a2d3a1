"""A deployed stage, as the commands see it: its queues, buckets and table by name, and clients for them.

What is where comes from the outputs of the stage's CloudFormation stack, so a command needs a stage's name and nothing
more. The stage "local" is the embedded stack of the `darkroom start --keep-running` or `darkroom local` that runs in
this clone; of several, the one that AWS_ENDPOINT_URL names.
"""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import typer
import yaml
from botocore.exceptions import ClientError

from ops.cli import clients
from ops.cli.terminal import quoted
from ops.errors import UsageError
from ops.local.announcement import running_stack
from processing.storage.refusals import is_denied

ROOT = Path(__file__).parents[2]
Result = TypeVar("Result")

NameOption = Annotated[str, typer.Option("--stage", envvar="DARKROOM_STAGE", help="The stage that was deployed.")]
NoneOption = Annotated[str | None, typer.Option("--stage", help="A stage that was deployed.", show_default="none")]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="AWS region.", show_default="AWS_REGION, or the profile's")
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="AWS profile.", show_default="the environment's")]


class NoStackError(UsageError):
    """The stage is not deployed where it was looked for."""


@dataclass(frozen=True)
class Stage:
    """One stage. ``client`` gives the boto3 client of a service, the same one each time, for any thread.

    ``event_bus`` and ``events_dlq_url`` are empty where the stage has no events.
    ``ingest`` is the stage's parameter: whether the uploads bucket notifies the queue itself, or a rule of EventBridge.
    ``switches`` are the names of the parameters that are on, ``given`` has the values that are not the defaults: None
    where the stage was deployed before it said so, as there is no ``recipe_version`` then.
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
        )


def find(name: str, region: str | None = None, profile: str | None = None) -> Stage:
    """Look a stage up by its name.

    Raises:
        NoStackError: there is no such stage; the message says what to do.
        UsageError: there is no such region or profile.
    """
    client = clients.connect(name, region, profile)
    cloudformation = client("cloudformation")
    stack = stack_name(name)
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        where = cloudformation.meta.region_name
        raise NoStackError(
            f"there is no stack {stack} in {where}{_others(cloudformation)}: name another --stage or --region, "
            f"or deploy it with: npm run deploy -- --stage {quoted(name)} --region {where}"
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    if name == clients.LOCAL:
        outputs["CdnUrl"] = running_stack().cdn
    return Stage.of(name, cloudformation.meta.region_name, outputs, client)


def _others(cloudformation: Any) -> str:
    """Which stages there are, in words; empty where the caller may not list them, as OperatorPolicy does not."""
    prefix = stack_name("")
    try:
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(prefix)]
    except ClientError as error:
        if not is_denied(error):
            raise
        return ""
    ours = [stack for stack in stacks if any(each["OutputKey"] == "UploadsDlqUrl" for each in stack.get("Outputs", ()))]
    names = sorted(stack["StackName"].removeprefix(prefix) for stack in ours)
    return f", which has the stages {', '.join(names)}" if names else ", which has no stage"


def stack_name(name: str) -> str:
    """The CloudFormation stack of a stage."""
    return f"{_service()}-{name}"


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
    """serverless.yml of this checkout, as it is written."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    return content


def _service() -> str:
    return str(service_description()["service"])
