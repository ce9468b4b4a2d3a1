"""The comparison of ends and events finds each kind of fault."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from processing import outbox
from processing.ledger import Reason, Record, Status, Version
from processing.ledger.item import attributes
from processing.outbox import entry_of
from tests.events.judgment import Event, Judgment, ends_of, judge, latest
from tests.table_stream import NOW

CAT = Version("uploads", "images/cat.jpg", "e1")
READY = Record(CAT, Status.DONE, owner="t2", attempts=2, updated_at=int(NOW))
FAILED = Record(
    CAT, Status.FAILED, owner="t1", attempts=1, updated_at=int(NOW), last_receive=True, reason=Reason("SlowDown", "")
)
ENDS = (FAILED, READY)


def event_of(record: Record, kind: str = "", **changes: Any) -> Event:
    entry = entry_of(record, variants_bucket="variants", cdn="", now=NOW)
    assert entry is not None
    return Event(kind or entry["DetailType"], json.loads(entry["Detail"]) | changes)


def found(events: Sequence[Event], ends: Sequence[Record] = ENDS) -> Judgment:
    return judge(ends, events, variants_bucket="variants", now=NOW)


def test_an_event_for_each_end_is_right_in_any_order_and_however_often() -> None:
    judgment = found([event_of(READY), event_of(FAILED), event_of(READY)])

    assert judgment.faults == []
    assert judgment.ends == {"Image Ready": 1, "Image Failed": 1}
    assert (judgment.events, judgment.repeats) == (3, 1)


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([event_of(FAILED)], "lost"),
        ([], "lost"),
        ([event_of(FAILED), event_of(READY), event_of(replace(READY, owner="t3"))], "unknown"),
        ([event_of(FAILED), event_of(READY, kind="Image Rejected")], "wrong"),
        ([event_of(FAILED), event_of(READY, etag="e2")], "wrong"),
        ([event_of(FAILED), event_of(READY), event_of(READY, code_version="c0de")], "wrong"),
    ],
    ids=["one is missing", "all are missing", "of no end", "of another type", "of another version", "two contents"],
)
def test_a_fault_of_an_event_is_found(events: Sequence[Event], fault: str) -> None:
    judgment = found(events)

    assert getattr(judgment, fault)
    assert judgment.faults == getattr(judgment, fault)


def test_ends_that_share_an_id_cannot_be_deduplicated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_id", lambda record, _: record.version.etag)

    assert any("one id of two ends" in fault for fault in found([event_of(READY), event_of(FAILED)]).wrong)


def test_an_event_that_is_made_wrongly_each_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "type_of", lambda *_: "Image Ready")

    assert found([event_of(READY), event_of(FAILED)]).wrong


def test_ends_of_a_version_whose_attempts_do_not_grow_are_found() -> None:
    ends = [FAILED, replace(READY, attempts=1)]

    assert found([event_of(end) for end in ends], ends).misordered


def test_an_end_is_a_status_or_the_last_failure_and_a_claim_has_one() -> None:
    def item(status: str, owner: str, **more: object) -> dict[str, Any]:
        return attributes({"object": "uploads/images/a.jpg", "etag": "e1", "status": status, "owner": owner, **more})

    failure = {"cause": "SlowDown", "message": "later"}
    items = [
        item("IN_PROGRESS", "t1"),
        item("FAILED", "t1", reason=failure),
        item("FAILED", "t2", reason=failure | {"last": True}),
        *(item(status, status) for status in ("DONE", "REJECTED", "SUPERSEDED", "REMOVED")),
        item("REMOVED", "REMOVED"),
    ]

    assert [end.owner for end in ends_of(items)] == ["t2", "DONE", "REJECTED", "SUPERSEDED", "REMOVED"]


def test_the_latest_event_of_a_version_has_the_most_attempts() -> None:
    within_a_second = [event_of(READY), event_of(FAILED)]

    assert latest(within_a_second) == {"uploads/images/cat.jpg": event_of(READY)}


def test_the_latest_event_of_an_object_is_of_a_version_that_was_not_superseded() -> None:
    late = Record(replace(CAT, etag="e0"), Status.SUPERSEDED, owner="t0", attempts=1, updated_at=int(NOW) + 9)
    older = Record(replace(CAT, etag="e2"), Status.REMOVED, owner="t0", attempts=7, updated_at=int(NOW) - 9)

    assert latest([event_of(each) for each in (READY, late, older)]) == {"uploads/images/cat.jpg": event_of(READY)}


def test_within_a_second_the_sequencer_decides_between_versions() -> None:
    first, second = (replace(READY, version=replace(CAT, etag=name), sequencer=name) for name in ("0A", "0B"))

    assert latest([event_of(second), event_of(first)]) == {"uploads/images/cat.jpg": event_of(second)}
