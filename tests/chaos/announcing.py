"""The way out of a chaos run: the real announcer on the table's stream, and a queue that a rule of its bus fills."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from ops.local.deployed import Function
from ops.local.emulator import ACCOUNT, Emulator
from ops.local.event_queue import subscribe_queue
from ops.local.program import Program
from ops.local.stream_mapping import as_lambda_has_it
from ops.local.stream_player import StreamPlayer
from tests.chaos.stage import PACKAGES, REGION, ROOT, VARIANTS_BUCKET, Stage
from tests.events.judgment import Event
from tests.table_stream import announcer_function, mapping

HANDLER = "handlers.announcer.handler"
EVENT_BUS = "darkroom-chaos"
PATIENCE = 60.0  # seconds without another change announced: longer than the player's longest pause, and a cold start


class Announcing:
    """Plays the announcer's mapping as it is deployed.

    Args:
        endpoint: of AWS, as the announcer sees it.
        handler: the announcer's.
    """

    def __init__(
        self, emulator: Emulator, stage: Stage, *, endpoint: str, log_dir: Path, handler: str = HANDLER
    ) -> None:
        emulator.client("events").create_event_bus(Name=EVENT_BUS)
        self._stage = stage
        self._queue = subscribe_queue(emulator.client, "received", EVENT_BUS)
        self._mapping = mapping(stage.stream_arn)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:announcer"
        settings = {"EVENT_BUS": EVENT_BUS, "VARIANTS_BUCKET": VARIANTS_BUCKET}
        deployed = announcer_function()
        function = Function(
            name="announcer", arn=arn, handler=handler, timeout=deployed["timeout"], memory=deployed["memorySize"],
            environment=settings,
        )  # fmt: skip
        program = Program(function, sys.executable, ROOT, PACKAGES)
        self.player = StreamPlayer(
            emulator.client, lambda: self._mapping, lambda: program,
            environ=emulator.environ() | {"AWS_ENDPOINT_URL": endpoint}, log_dir=log_dir,
        )  # fmt: skip

    def kill_process(self) -> None:
        """Kill the announcer, wherever it is."""
        for pid in self.player.environment_pids():
            with suppress(ProcessLookupError):  # it has just been cleared away
                os.kill(pid, signal.SIGKILL)

    def wait(self, patience: float = PATIENCE) -> list[str]:
        """Wait until all changes that the mapping chooses are announced; says what is left when no more comes."""
        changes = [as_lambda_has_it(record, self._stage.stream_arn) for record in self._stage.changes()]
        all_of_them = len(changes), sum(map(self._mapping.chooses, changes))
        announced, gives_up = 0, time.monotonic() + patience
        while (counts := self.player.counts).read < all_of_them[0] or counts.records < all_of_them[1]:
            self.player.raise_if_broken()
            if counts.records > announced:
                announced, gives_up = counts.records, time.monotonic() + patience
            if time.monotonic() > gives_up:
                return [f"{all_of_them[1] - announced} changes are not announced after {patience:g} s"]
            time.sleep(0.1)
        return []

    def received(self) -> list[Event]:
        """All events in the queue, in no order."""
        bodies = [json.loads(message["Body"]) for message in self._stage.messages(self._queue)]
        return [Event(body["detail-type"], body["detail"]) for body in bodies]
