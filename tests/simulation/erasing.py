"""Erasures in a simulated world: the real eraser as one more worker, and the messages of its queue.

An erasure is taken up as its message would be: after a wait, after a failure, and after the death of its worker.
"""

from dataclasses import dataclass, field
from typing import Any

from processing.erasure import Eraser, Retention, Wait
from processing.errors import DarkroomError, ErasureEnded
from processing.ledger.erasures import ErasureTable, Intent, new_intent
from processing.storage.versions import StoredVersion
from tests.builders import UPLOADS
from tests.doubles import MemoryVersions
from tests.memory_dynamodb import refused
from tests.simulation.simulator import REQUEST, Invocation, Port, TablePort, World

HIDDEN = 720.0  # seconds for which the message of an erasure is hidden
AGAIN = 40.0  # seconds after a failure


class VersionsPort(Port):
    """All that is stored, behind the network. S3 tells of an original that is deleted, where removals are on."""

    def under(self, bucket: str, key: str) -> Any:
        def effect() -> Any:
            if bucket == UPLOADS:
                self._world.erasures.looked[key] = self._world.uploaded[key]
            return self._port.under(bucket, key)

        return self._world.request(self, "under", key, effect, lambda: None)

    def delete(self, stored: StoredVersion) -> None:
        def effect() -> None:
            self._port.delete(stored)
            if stored.bucket == UPLOADS:
                self._world.original_deleted(stored.key)

        self._world.request(self, "erase", stored.key, effect, lambda: None)


class ErasureTablePort(TablePort):
    """The table's client as an erasure uses it."""

    def update_item(self, **parameters: Any) -> Any:
        return self._world.request(self, "update_item", "", lambda: self._port.update_item(**parameters), self._refuse)

    @staticmethod
    def _refuse() -> None:
        raise refused("ConditionalCheckFailedException", "The conditional request failed")


@dataclass
class Erasures:
    """The erasures of a world.

    Args:
        due: when the message of each is visible, by key.
        looked: how many uploads there had been when the eraser looked for the original the last time, by key.
        receipts: of those that have ended, by key: how many uploads they cover.
    """

    world: World
    due: dict[str, float] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    receipts: dict[str, int] = field(default_factory=dict)
    announced: list[Any] = field(default_factory=list)

    def begin(self, key: str) -> None:
        """Somebody requests an erasure: the intent is written, and the message sent."""
        world = self.world
        world.disturbances[key] += 1
        world.keys.add(key)
        intent = new_intent(UPLOADS, key, by="operator", now=world.now, token=lambda: f"{len(world.history)}")
        ErasureTable(world.table, "images").begin(intent)
        self.due[key] = world.now
        world.note(f"ERASE {key}")

    @property
    def visible(self) -> list[str]:
        """The keys whose message can be received."""
        return sorted(key for key, moment in self.due.items() if moment <= self.world.now)

    def invoke(self) -> None:
        """Start an invocation of the eraser on the first message."""
        key = self.visible[0]
        self.due[key] = self.world.now + HIDDEN
        self.world.start(lambda started: self._work(started, key), f"{key}'s erasure", "E")

    def _work(self, me: Invocation, key: str) -> None:
        try:
            table = ErasureTable(ErasureTablePort(self.world.table, self.world), "images")
            intent = table.find(Intent("", UPLOADS, key, "", 0).digest)
            step = self._eraser(table).advance(intent) if intent else None
        except ErasureEnded:
            step = None
        except DarkroomError as error:
            self.world.note(f"{me.name} failed: {error}")
            step = Wait(int(AGAIN), "it failed")
        if isinstance(step, Wait):
            self.due[key] = self.world.now + step.seconds
            self.world.note(f"{me.name} waits {step.seconds} s: {step.why}")
            return
        self.due.pop(key, None)
        self.receipts[key] = self.looked[key]  # without an intent, one that died had ended it
        self.world.note(f"{me.name} has erased {key}")

    def _eraser(self, table: ErasureTable) -> Eraser:
        return Eraser(
            versions=VersionsPort(MemoryVersions(self.world.store), self.world),
            table=table,
            uploads_bucket=UPLOADS,
            variants_bucket="variants",
            prefix="images/",
            request_seconds=REQUEST,
            retention=Retention(30, 4, 14, frozenset()),
            announce=lambda receipt, _digest: self.announced.append(receipt),
            clock=self.world.clock,
        )
