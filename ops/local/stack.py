"""The whole service on this machine, from an empty emulator to a running consumer, as one context manager."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.errors import StackError
from ops.local.announcement import Running
from ops.local.cdn import Cdn
from ops.local.deployed import EventSourceMapping
from ops.local.deployment import Deployment
from ops.local.emulator import ACCOUNT, REGION, Emulator
from ops.local.live import LiveFunction
from ops.local.log_shipper import LogShipper
from ops.local.player import Player
from ops.local.stream_mapping import StreamMapping
from ops.local.stream_player import StreamPlayer
from ops.local.template import Template, apply


class LocalStack:
    """Starts the emulator, deploys the service to it and plays its event source mappings until the block ends.

    Leaving the block lets running invocations end; leaving it with an exception, Ctrl-C among them, ends all at once.
    Either way no process stays behind.

    Args:
        project_root: the folder with serverless.yml.
        work_dir: where logs go; made when missing.
        progress: called with a few words at the beginning of each step.
        port: the emulator's port; any free one when not given.
        cdn: whether variants are served as by CloudFront, and links lead there.
        environments: at most this many execution environments; the smaller of the mapping's MaximumConcurrency and
            the number of cores when not given.
    """

    def __init__(
        self,
        project_root: Path,
        *,
        work_dir: Path,
        progress: Callable[[str], None],
        port: int | None = None,
        cdn: bool = False,
        environments: int | None = None,
    ) -> None:
        self.region = REGION
        self.outputs: dict[str, str] = {}
        self.template = Template({"Resources": {}}, {}, account=ACCOUNT, region=REGION)
        self.log_dir = work_dir / "logs"
        self._project_root = project_root
        self._progress = progress
        self._environments = environments
        self._emulator = Emulator(region=REGION, log=self.log_dir / "emulator.log", port=port or 0)
        self._with_cdn = cdn
        self._cdn: Cdn | None = None
        self._player: Player | None = None
        self._shipper: LogShipper | None = None
        self._ended = False
        self.stream_player: StreamPlayer | None = None
        """What plays the mapping of the table's stream; None where the stage has no events."""
        self.eraser_player: Player | None = None
        """What plays the mapping of the erasures queue; None where the stage has no erasures."""

    @property
    def cdn(self) -> str:
        """The URL of the CDN; empty without one."""
        return self._cdn.url if self._cdn else ""

    @property
    def endpoint(self) -> str:
        """The emulator's URL."""
        return self._emulator.endpoint

    @property
    def emulator_pid(self) -> int:
        """The emulator's process id."""
        return self._emulator.pid

    @property
    def player(self) -> Player:
        """What plays the event source mapping of the uploads queue.

        Raises:
            StackError: outside the ``with`` block.
        """
        if self._player is None:
            raise StackError("the local stack is not running: use it in a with block")
        return self._player

    def raise_if_broken(self) -> None:
        """Say so when a player has failed.

        Raises:
            StackError: one has.
        """
        self.player.raise_if_broken()
        for player in (self.stream_player, self.eraser_player):
            if player is not None:
                player.raise_if_broken()
        if self._shipper is not None:
            self._shipper.raise_if_broken()

    def client(self, service: str) -> Any:
        """The stack's boto3 client for ``service``; the same one each time, safe to share between threads."""
        return self._emulator.client(service)

    def function(self, output: str) -> LiveFunction:
        """The deployed function that this output of the stack names, with its updates."""
        cache = self._project_root / ".cache" / "local"
        return LiveFunction(self.client("lambda"), self.outputs[output], cache=cache)

    @property
    def running(self) -> Running:
        """Where it is, for other commands."""
        return Running(self._emulator.endpoint, self._emulator.credentials, self.cdn)

    def environ(self) -> dict[str, str]:
        """What makes any AWS SDK in a child process talk to this stack; for an environment without AWS_PROFILE."""
        return self._emulator.environ()

    def function_environ(self) -> dict[str, str]:
        """The same for the functions, in place of what they were deployed with."""
        return self.environ() | ({"CDN_URL": self.cdn} if self._cdn else {})

    def __enter__(self) -> Self:
        """Start everything.

        Raises:
            StackError: one line that says what is missing and what to do.
        """
        try:
            self._start()
        except BaseException:
            self._end_at_once()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._ended:
                self.player.stop()
                for player in (self.stream_player, self.eraser_player):
                    if player is not None:
                        player.stop()
        finally:
            self._end_at_once()

    def _start(self) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._progress("starting the emulator")
        self._emulator.start()
        deployment = Deployment(self._project_root, environ=self.environ(), log=self.log_dir / "serverless.log")
        self.template = self._template(deployment.deploy(self._progress))
        apply(self.template, self.client)
        if self._with_cdn:
            self._cdn = Cdn(self.client("s3"), self.outputs["VariantsBucket"])
        self._shipper = LogShipper(self.client("logs"), self.log_dir)
        self._shipper.start()
        self._progress("starting the consumer")
        self._player = self._make_player("ConsumerFunction", self._environments)
        self._player.start()
        if "AnnouncerFunction" in self.outputs:
            self.stream_player = self._make_stream_player()
            self.stream_player.start()
        if "EraserFunction" in self.outputs:
            self.eraser_player = self._make_player("EraserFunction", environments=1)
            self.eraser_player.start()

    def _template(self, content: dict[str, Any]) -> Template:
        """The template with its physical names, and on the way the stack's outputs."""
        cloudformation = self.client("cloudformation")
        (stack,) = cloudformation.describe_stacks()["Stacks"]  # the emulator was empty
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        deployed = cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
        physical = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in deployed
            if resource.get("PhysicalResourceId")  # moto answers an empty entry for what it left out
        }
        return Template(content, physical, account=ACCOUNT, region=REGION)

    def _make_player(self, output: str, environments: int | None) -> Player:
        live, mapping = self._mapped(output)
        return Player(
            self.client("sqs"),
            lambda: EventSourceMapping.from_api(mapping()),
            live,
            environ=self.function_environ(),
            log_dir=self.log_dir,
            environments=environments,
        )

    def _make_stream_player(self) -> StreamPlayer:
        live, mapping = self._mapped("AnnouncerFunction")
        return StreamPlayer(
            self.client,
            lambda: StreamMapping.from_api(mapping()),
            live,
            environ=self.function_environ(),
            log_dir=self.log_dir,
        )

    def _mapped(self, output: str) -> tuple[LiveFunction, Callable[[], dict[str, Any]]]:
        """The function of this output, and what gets its event source mapping as it is now."""
        live, aws_lambda = self.function(output), self.client("lambda")
        function = live().function
        listed = aws_lambda.list_event_source_mappings()["EventSourceMappings"]  # moto cannot filter by a bare name
        mappings = [mapping for mapping in listed if mapping["FunctionArn"] == function.arn]
        if len(mappings) != 1:
            raise StackError(f"{function.name} has {len(mappings)} event source mappings: give it one event")
        uuid = mappings[0]["UUID"]
        return live, lambda: dict(aws_lambda.get_event_source_mapping(UUID=uuid))

    def end(self) -> None:
        """End all at once, what runs included; the end of the block has nothing to wait for then."""
        self._ended = True
        self._end_at_once()

    def _end_at_once(self) -> None:
        self._emulator.kill()  # first: where it hangs, the threads that are joined below wait for its answers
        try:
            for player in (self._player, self.stream_player, self.eraser_player):
                if player is not None:
                    player.kill()
            if self._shipper is not None:
                self._shipper.stop()
            if self._cdn is not None:
                self._cdn.close()
        finally:
            self._emulator.stop()
