"""What the checks of one run share: the stage, clients, the caller's identity, and the pictures that were sent."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops.build.places import placed
from ops.cli import stage as stages
from ops.cli.follow import End
from ops.cli.settings import parameters_of
from ops.cli.stage import LOCAL, Stage

RESERVED: Final = "_doctor/"
"""The folder below the stage's prefix that belongs to the doctor; a run has a folder of its own in it.

No dot begins it: the recipe ignores such names by default.
"""

STALE: Final = 3600.0  # seconds after which a run that has left something is no longer running
RUN_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
ROLE_SESSION: Final = re.compile(r"arn:(aws[\w-]*):sts::(\d+):assumed-role/([^/]+)/.*")
USER: Final = re.compile(r"arn:(aws[\w-]*):iam::(\d+):user/.*")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is, as far as STS said; ``error`` where it refused, and ``skew`` in seconds of the local clock."""

    arn: str = ""
    account: str = ""
    error: ClientError | BotoCoreError | None = None
    skew: float | None = None

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov."""
        return self.arn.split(":")[1] if self.arn else "aws"

    @property
    def kind(self) -> str:
        """Without a name."""
        if ROLE_SESSION.fullmatch(self.arn):
            return "a role's session"
        if self.arn.endswith(":root"):
            return "the account's root user"
        return "a user" if USER.fullmatch(self.arn) else "an identity of another type than user or role"


@dataclass
class SentPicture:
    """One of the doctor's pictures on its way. ``seconds`` from the PUT's answer to its end in the images table."""

    name: str
    key: str
    etag: str
    sent_at: float
    seconds: float | None = None
    end: "End[SentPicture] | None" = None


@dataclass
class Checkup:
    """One run of the doctor.

    Args:
        stage: None where it is not deployed; ``no_stage`` then says why.
        given: stage parameters that a deployment would be given on its command line.
        url: of the page, where it is not the stack's own.
        timeout: seconds for one picture to come to its end.
        clock, monotonic: seconds since the epoch, and seconds that only grow.
        searched: the keys whose dead letters were searched for.
        posted_to, allowed_origin: the URL of the presigned POST, and which origin its answer allowed.
        has_uploaded: whether there may be something to remove.
    """

    name: str
    region: str
    client: Callable[[str], Any]
    stage: Stage | None = None
    no_stage: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    expected: bool = False
    url: str = ""
    timeout: float = 120.0
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    sent: dict[str, SentPicture] = field(default_factory=dict)
    searched: set[str] = field(default_factory=set)
    posted_to: str = ""
    allowed_origin: str | None = None
    has_uploaded: bool = False

    @property
    def is_local(self) -> bool:
        """Whether an emulator stands in for AWS."""
        return self.name == LOCAL

    @property
    def deployed(self) -> Stage:
        """The stage, for checks that run after a deployment only."""
        assert self.stage is not None, "checked after a deployment only"
        return self.stage

    @cached_property
    def stack_name(self) -> str:
        """The name of its CloudFormation stack."""
        return stages.stack_name(self.name)

    @cached_property
    def run_name(self) -> str:
        """The folder of this run: when it began, and something that no other run has."""
        return f"{datetime.fromtimestamp(self.clock(), UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"

    @property
    def reserved(self) -> str:
        """What every key of the doctor's begins with, in the uploads bucket."""
        return f"{self.deployed.uploads_prefix}{RESERVED}"

    @property
    def folder(self) -> str:
        """What this run's keys begin with."""
        return f"{self.reserved}{self.run_name}/"

    def is_ours(self, run_name: str) -> bool:
        """Whether a run's folder is this one's, or of one that has left it behind."""
        if run_name == self.run_name:
            return True
        if not (found := RUN_NAME.fullmatch(run_name)):
            return False
        began = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return self.clock() - began.timestamp() > STALE

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The stage's parameters as this checkout would deploy it, with names filled in."""
        found = {
            name: value.replace("${sls:stage}", self.name) if isinstance(value, str) else value
            for name, value in {**parameters_of(self.name), **self.given}.items()
        }
        return placed(found, region=self.region, account=self.identity.account)

    @cached_property
    def stack(self) -> Mapping[str, Any]:
        """The stack as CloudFormation describes it."""
        (described,) = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"]
        answer: Mapping[str, Any] = described
        return answer

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack["Outputs"]}

    @cached_property
    def identity(self) -> Identity:
        """Ask STS once; its answer also has the time."""
        try:
            answer = self.client("sts").get_caller_identity()
        except ClientError as error:
            return Identity(error=error, skew=self._skew(error.response))
        except BotoCoreError as error:
            return Identity(error=error)
        return Identity(answer["Arn"], answer["Account"], skew=self._skew(answer))

    def _skew(self, answer: Mapping[str, Any]) -> float | None:
        """How far the local clock is ahead of the date of an answer."""
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return self.clock() - parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else None
