"""Compares the events that receivers got with the ends that the images table had."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from processing.ledger import Record, Status, Version, read
from processing.outbox import TIME, entry_of

SUPERSEDED: Final = "Image Superseded"
KINDS: Final = {
    Status.DONE: "Image Ready",
    Status.REJECTED: "Image Rejected",
    Status.FAILED: "Image Failed",
    Status.SUPERSEDED: SUPERSEDED,
    Status.REMOVED: "Image Removed",
}
"""The detail-type of each end, as docs/events.md has it; a failure is an end where it was the last."""


@dataclass(frozen=True)
class Event:
    """An event as a receiver has it, without EventBridge's own fields."""

    kind: str
    detail: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.detail["id"])

    @property
    def object(self) -> str:
        return f"{self.detail['object']['bucket']}/{self.detail['object']['key']}"

    @property
    def version(self) -> tuple[str, str]:
        return self.object, str(self.detail["etag"])

    def __str__(self) -> str:
        return f"{self.kind} {self.object} {self.detail['etag']} (attempt {self.detail['attempts']})"


@dataclass
class Judgment:
    """What a comparison found; the lists are empty where each end has its event, and each event its end.

    Args:
        ends: by detail-type.
        events: received altogether.
        repeats: events that came again.
        lost: ends without an event.
        unknown: events of no end.
        wrong: events that do not describe their end, and ids that cannot be used to deduplicate.
        misordered: versions and objects whose order docs/events.md would have wrong.
    """

    ends: Counter[str] = field(default_factory=Counter)
    events: int = 0
    repeats: int = 0
    lost: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return self.lost + self.unknown + self.wrong + self.misordered


def ends_of(items: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The ends among states of items, in their order; each once, as a claim ends once.

    Neither the filters of the mapping nor `processing.outbox` decide here what an end is.
    """
    ends: dict[tuple[Version, str], Record] = {}
    for item in items:
        record = read(dict(item))
        is_last = record.reason is not None and record.reason.last
        if record.status in KINDS and (record.status is not Status.FAILED or is_last):
            ends.setdefault((record.version, record.owner), record)
    return list(ends.values())


def judge(ends: Sequence[Record], events: Sequence[Event], *, variants_bucket: str, now: float) -> Judgment:
    """Compare ends, in the order in which they were written, with events in any order."""
    found = Judgment(Counter(KINDS[end.status] for end in ends), len(events))
    expected: dict[str, Event] = {}
    for end in ends:
        event = _expected(end, variants_bucket, now)
        found.wrong += _differences(end, event)
        if expected.setdefault(event.id, event) is not event:
            found.wrong.append(f"one id of two ends: {expected[event.id]}, {event}")
    came: dict[str, Event] = {}
    for event in events:
        if came.setdefault(event.id, event) != event:
            found.wrong.append(f"one id with two contents: {event}")
    found.repeats = len(events) - len(came)
    found.lost = [f"no event: {event}" for name, event in expected.items() if name not in came]
    found.unknown = [f"no such end: {event}" for name, event in came.items() if name not in expected]
    found.wrong += [f"not as it ended: {event}" for name, event in came.items() if expected.get(name, event) != event]
    found.misordered = _misordered(ends)
    return found


def latest(events: Iterable[Event]) -> dict[str, Event]:
    """The event that counts for each object, by the rule in docs/events.md ("In no order")."""
    of_versions: dict[tuple[str, str], Event] = {}
    for event in sorted(events, key=lambda each: int(each.detail["attempts"])):
        of_versions[event.version] = event
    of_objects: dict[str, Event] = {}
    for event in sorted(of_versions.values(), key=lambda each: (each.detail["ended_at"], _sequencer(each))):
        if event.kind != SUPERSEDED:
            of_objects[event.object] = event
    return of_objects


def _sequencer(event: Event) -> str:
    return str(event.detail.get("sequencer", ""))


def _expected(end: Record, variants_bucket: str, now: float) -> Event:
    entry = entry_of(end, variants_bucket=variants_bucket, cdn="", now=now)
    assert entry is not None, end
    return Event(entry["DetailType"], json.loads(entry["Detail"]))


def _differences(end: Record, event: Event) -> list[str]:
    """Where an event does not say what the record does, compared without the code that makes events."""
    ended_at = f"{datetime.fromtimestamp(end.updated_at, UTC):{TIME}}"
    said = (event.kind, event.version, event.detail["attempts"], event.detail["ended_at"])
    meant = (KINDS[end.status], (end.version.object, end.version.etag), end.attempts, ended_at)
    return [] if said == meant else [f"{meant} became {said}"]


def _misordered(ends: Sequence[Record]) -> list[str]:
    """The versions whose ends cannot be put into their order by ``attempts``."""
    numbers: dict[Version, list[int]] = {}
    for end in ends:
        numbers.setdefault(end.version, []).append(end.attempts)
    return [
        f"{version.object} {version.etag} ended in its attempts {of_one}"
        for version, of_one in numbers.items()
        if any(earlier >= later for earlier, later in pairwise(of_one))
    ]
