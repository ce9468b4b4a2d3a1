"""Many images end while the bus refuses and the announcer is killed: every end has its event, and every event one id.

The ledger, the filters, the announcer and its handler are the real ones. The table and its stream are in memory, and
`Rehearsal.play` is what Lambda does with the mapping: it hands a batch over again from the record that was reported, or
in halves when the function failed.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from handlers import announcer
from processing.errors import CorruptImage
from processing.ledger import Claim, Delivery, DynamoLedger, Record, Status, Version, read, reason_of
from processing.outbox import Announcer, EventBus
from tests.builders import finished, recipe
from tests.events.judgment import Event, Judgment, judge
from tests.table_stream import NOW, StreamedDynamoDB

BATCH: Final = 100
VARIANTS: Final = "variants"
MADE: Final = recipe("desktop", "phone")
REASON: Final = reason_of(CorruptImage("broken off"))


class KilledError(BaseException):
    """The announcer's process is gone, wherever it was."""


class FlakyBus:
    """EventBridge's client: refuses some entries or requests, and the process may be killed before and after one.

    Args:
        refusals: of entries, and of requests, from 0 to 1.
        kills: of processes, around a request.
    """

    def __init__(self, rng: random.Random, *, refusals: float, kills: float) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.injected: Counter[str] = Counter()
        self._rng = rng
        self._refusals = refusals
        self._kills = kills

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self._perhaps_kill("killed before a request")
        results = [self._take(entry) for entry in Entries]
        self._perhaps_kill("killed after a request")
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    def _take(self, entry: Mapping[str, Any]) -> dict[str, str]:
        if self._happens(self._refusals, "entries refused"):
            return {"ErrorCode": "ThrottlingException", "ErrorMessage": "later"}
        self.taken.append(entry)
        return {"EventId": str(len(self.taken))}

    def _perhaps_kill(self, what: str) -> None:
        if self._happens(self._kills, what):
            raise KilledError(what)

    def _happens(self, chance: float, what: str) -> bool:
        happens = self._rng.random() < chance
        self.injected[what] += happens
        return happens


@dataclass
class Tally:
    """What happened, and what the comparison of ends and events found."""

    images: int
    changes: int = 0
    batches: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    judgment: Judgment = field(default_factory=Judgment)


class Rehearsal:
    """One run; ``seed`` decides everything."""

    def __init__(self, images: int, seed: int, *, refusals: float = 0.05, kills: float = 0.1) -> None:
        self._rng = random.Random(seed)
        self._bus = FlakyBus(self._rng, refusals=refusals, kills=kills)
        self._table = StreamedDynamoDB()
        tokens = (f"{seed}-{number}" for number in itertools.count())
        self._ledger = DynamoLedger(
            self._table,
            table="images",
            code_version="c0de",
            lease_seconds=90,
            clock=lambda: NOW,
            new_token=lambda: next(tokens),
        )
        self._ends: list[Record] = []
        self._messages = itertools.count()
        self.tally = Tally(images)

    def run(self) -> Tally:
        """Have every image come to its ends, announce them, and compare."""
        for number in range(self.tally.images):
            self._live(f"images/{number}.jpg")
        self.play()
        events = [Event(str(entry["DetailType"]), json.loads(entry["Detail"])) for entry in self._bus.taken]
        self.tally.judgment = judge(self._ends, events, variants_bucket=VARIANTS, now=NOW)
        self.tally.injected = self._bus.injected
        return self.tally

    def _live(self, key: str) -> None:
        """The life of one image: failures that are no ends, an end, and perhaps another one under another recipe."""
        for _ in range(self._rng.choice((0, 0, 1, 3))):
            self._ledger.fail(self._claim(key), REASON, Delivery("m", 1))
        self._end(key)
        if self._rng.random() < 0.2:
            self._end(key)

    def _end(self, key: str) -> None:
        how = self._rng.choice(("done", "done", "rejected", "dead", "superseded", "removed"))
        last = Delivery(f"m{next(self._messages)}", 1, last_receive=True)
        claim = self._claim(key, last)
        match how:
            case "done":
                self._ledger.complete(claim, finished(MADE, key))
            case "rejected":
                self._ledger.reject(claim, REASON, last)
            case "dead":
                self._ledger.fail(claim, REASON, last)
            case _:
                self._ledger.close(claim, Status[how.upper()])
        self._ends.append(read(self._table.records[-1]["dynamodb"]["NewImage"]))

    def _claim(self, key: str, delivery: Delivery | None = None) -> Claim:
        delivery = delivery or Delivery("m", 1)
        version = Version("uploads", key, "e1")
        claim = self._ledger.claim(version, delivery)
        if not isinstance(claim, Claim):  # it is done: a new recipe
            claim = self._ledger.claim(version, delivery, over=claim)
        assert isinstance(claim, Claim)
        return claim

    def play(self) -> None:
        """Hand over what the filters choose, again and again until all has succeeded."""
        waiting = _batched(self._table.chosen)
        self.tally.changes = len(self._table.records)
        while waiting:
            batch = waiting.pop(0)
            self.tally.batches += 1
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            try:
                answer = self._invoke({"Records": batch})
            except KilledError:
                half = len(batch) // 2
                waiting[:0] = [part for part in (batch[:half], batch[half:]) if part]
                continue
            assert answer.keys() == {"batchItemFailures"}
            if failed := [each["itemIdentifier"] for each in answer["batchItemFailures"]]:
                waiting.insert(0, batch[min(map(numbers.index, failed)) :])

    def _invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """The handler in a process of its own, which knows nothing of the one before."""
        made = Announcer(EventBus(self._bus, "bus"), VARIANTS, "", lambda: NOW)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(announcer, "build_announcer", lambda: made)
            announcer.announcer.cache_clear()
            try:
                return dict(json.loads(json.dumps(announcer.handler(json.loads(json.dumps(event)), None))))
            finally:
                announcer.announcer.cache_clear()


def _batched(records: Sequence[Any]) -> list[list[Any]]:
    return [list(records[at : at + BATCH]) for at in range(0, len(records), BATCH)]
