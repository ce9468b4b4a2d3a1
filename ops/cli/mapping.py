"""The event source mapping of a stage: read it, and ``darkroom pause`` and ``darkroom resume`` to switch it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from ops.cli.queues import Depth, depth_of
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import advise
from ops.cli.terminal import AsJson, many, print_json, quoted, stderr
from ops.errors import UsageError

ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
SETTLED: Final = (ENABLED, DISABLED)  # the others are Creating, Enabling, Disabling, Updating and Deleting
PAUSE: Final = 1.0  # seconds between two requests

TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for the change.")]


@dataclass(frozen=True, slots=True)
class StageMapping:
    """What takes messages from the uploads queue to the consumer. ``state`` is Lambda's own word."""

    uuid: str
    state: str
    maximum_concurrency: int | None
    batch_size: int
    window: int

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "StageMapping":
        """Out of Lambda's answer."""
        return cls(
            uuid=answer["UUID"],
            state=answer["State"],
            maximum_concurrency=answer.get("ScalingConfig", {}).get("MaximumConcurrency"),
            batch_size=answer["BatchSize"],
            window=answer.get("MaximumBatchingWindowInSeconds", 0),
        )


@dataclass(frozen=True, slots=True)
class Switch:
    """Switches one mapping; ``client`` is Lambda's.

    Args:
        timeout: seconds to wait at most.
        pause: waits that many seconds; the clock is in seconds.
    """

    client: Any
    uuid: str
    timeout: float
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def to(self, state: str) -> bool:
        """To Enabled or Disabled; False when that takes too long. Lambda takes no change while another one runs."""
        end = self.clock() + self.timeout
        if not self._wait(SETTLED, end):
            return False
        if self._state() == state:
            return True
        self.client.update_event_source_mapping(UUID=self.uuid, Enabled=state == ENABLED)
        return self._wait((state,), end)

    def _wait(self, states: tuple[str, ...], end: float) -> bool:
        while self._state() not in states:
            if self.clock() >= end:
                return False
            self.pause(PAUSE)
        return True

    def _state(self) -> str:
        return str(self.client.get_event_source_mapping(UUID=self.uuid)["State"])


@on_stage
def pause(stage: Stage, timeout: TimeoutOption = 120, as_json: AsJson = False) -> None:
    """Stop receiving messages from the uploads queue; uploads wait there, for as many days as it keeps them.

    Disables the consumer's event source mapping and waits for the change. Running invocations finish. A later
    deployment that changes the mapping enables it again.

    Examples:

    darkroom pause --stage prod

    darkroom pause --stage prod --timeout 300 --json
    """
    _switch(stage, DISABLED, timeout, as_json=as_json)


@on_stage
def resume(stage: Stage, timeout: TimeoutOption = 120, as_json: AsJson = False) -> None:
    """Receive messages from the uploads queue again, after a pause.

    Enables the consumer's event source mapping and waits for the change.

    Examples:

    darkroom resume --stage prod

    darkroom resume --stage prod && darkroom status --stage prod --watch
    """
    _switch(stage, ENABLED, timeout, as_json=as_json)


def mapping_of(stage: Stage) -> StageMapping:
    """The mapping between the stage's queue and its consumer.

    Raises:
        UsageError: there is none, or more than one.
    """
    attributes = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    pages = stage.client("lambda").get_paginator("list_event_source_mappings").paginate(EventSourceArn=arn)
    found = [answer for page in pages for answer in page["EventSourceMappings"]]
    mappings = [StageMapping.of(answer) for answer in found if answer["FunctionArn"].split(":")[6] == stage.consumer]
    if len(mappings) != 1:
        raise UsageError(
            f"{stage.consumer} has {len(mappings)} event source mappings on {arn} and should have one: "
            f"deploy the stage again with: npm run deploy -- --stage {quoted(stage.name)} --region {stage.region}"
        )
    return mappings[0]


def _switch(stage: Stage, state: str, timeout: float, *, as_json: bool) -> None:
    before = mapping_of(stage)
    reached = Switch(stage.client("lambda"), before.uuid, timeout).to(state)
    now, depth = mapping_of(stage).state, depth_of(stage.client("sqs"), stage.queue_url)
    if as_json:
        print_json({"state": now, "was": before.state, "waiting": depth.waiting, "in_flight": depth.in_flight})
    else:
        stderr().print(_sentence(before.state, now, depth))
    if not reached:
        advise(f"It is not {state} after {timeout:g} s; to check it: {stage.command('status')}")
        raise typer.Exit(1)
    if state == DISABLED and not as_json:
        advise(f"To receive messages again: {stage.command('resume')}")


def _sentence(before: str, now: str, depth: Depth) -> str:
    said = f"The mapping is {now}" + (" already" if before == now else f", and was {before}")
    waiting = many(depth.waiting + depth.delayed, "message")
    return f"{said}. In the queue: {waiting} waiting, {depth.in_flight:,} in flight."
