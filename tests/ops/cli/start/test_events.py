"""What a run counts of the events: each end once, however often its event comes, and those that never come."""

import json

import pytest

from ops.cli.start.events import EventSink
from ops.errors import StackError
from processing.ledger import Version


def event(key, *, number=1, kind="Image Ready"):
    about = {"variants": [{"name": "phone"}]} if kind == "Image Ready" else {}
    detail = {"id": f"{key}-{number}", "object": {"bucket": "uploads", "key": key}, "etag": "e1", **about}
    return {"detail-type": kind, "detail": detail}


class Queue:
    """SQS's client, with a list of answers."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.deleted = 0

    def receive_message(self, **_):
        events = self.answers.pop(0) if self.answers else []
        return {"Messages": [{"ReceiptHandle": "h", "Body": json.dumps(each)} for each in events]} if events else {}

    def delete_message(self, **_):
        self.deleted += 1


def versions(*keys):
    return [Version("uploads", key, "e1") for key in keys]


def collect(queue, *keys, uncertain=(), check=lambda: None, patience=20.0):
    return EventSink(queue, "url", "bus", check).collect(versions(*keys), versions(*uncertain), patience)


def test_an_event_that_comes_twice_counts_once_and_each_end_is_waited_for():
    queue = Queue([event("a"), event("a")], [], [event("another's"), event("b", kind="Image Rejected")])

    totals = collect(queue, "a", "b")

    assert totals.types == {"Image Ready": 1, "Image Rejected": 1}
    assert (totals.count, totals.missing, queue.deleted) == (2, 0, 4)
    assert totals.example is not None
    assert totals.example["detail"]["object"]["key"] == "a"


def test_an_end_whose_event_does_not_come_is_missing():
    totals = collect(Queue([event("a")]), "a", "b", patience=0.05)

    assert (totals.types, totals.missing) == ({"Image Ready": 1}, 1)


def test_an_event_that_may_have_come_before_the_run_counts_and_is_not_missing(monkeypatch):
    monkeypatch.setattr("ops.cli.start.events.WINDOW", 0.5)

    totals = collect(Queue([event("a")], [event("b")]), "a", uncertain=["b", "c"])

    assert (totals.types, totals.missing) == ({"Image Ready": 2}, 0)


def test_nothing_is_waited_for_when_nothing_ended():
    assert collect(Queue([event("another")])).count == 0


def test_a_player_that_broke_down_is_not_waited_for():
    def broken():
        raise StackError("the local stack stopped reading the stream")

    with pytest.raises(StackError):
        collect(Queue(), "a", check=broken)


def test_an_interrupted_wait_ends_with_what_has_come():
    queue = Queue([event("a")], [event("b")])

    totals = EventSink(queue, "url", "bus", lambda: None).collect(versions("a", "b"), until=lambda: queue.deleted > 0)

    assert (totals.types, totals.missing) == ({"Image Ready": 1}, 1)
