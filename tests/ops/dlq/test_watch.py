"""When a letter that was sent again has come to an end: `ops.dlq.watch`'s table, row by row."""

from dataclasses import replace

import pytest

from ops.dlq.causes import Case, Cause
from ops.dlq.letters import Letter
from ops.dlq.watch import Watch
from ops.images import Record
from processing.events import ObjectCreated

BEFORE = Record("FAILED", cause="AccessDenied", attempts=5, object="uploads/images/a.jpg", etag="e1")


class Table:
    """Answers what it is given, once for each look."""

    def __init__(self, *records):
        self.records = list(records)

    def read(self, versions):
        record = self.records.pop(0)
        return {version: record for version in versions if record}


def case(record=BEFORE):
    return Case(
        Letter("id", "handle", "body"),
        Cause("AccessDenied"),
        "",
        ObjectCreated("uploads", "images/a.jpg", "e1"),
        record,
    )


def watched(before, now):
    watch = Watch(Table(now), clock=lambda: 100.0)
    watch.add([case(before)])
    watch.look()
    return "passed" if watch.passed else "failed again" if watch.failed_again else "none yet"


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (BEFORE, BEFORE, "none yet"),
        (BEFORE, None, "none yet"),
        (None, None, "none yet"),
        (BEFORE, replace(BEFORE, status="IN_PROGRESS", attempts=6), "none yet"),
        (BEFORE, replace(BEFORE, attempts=6), "failed again"),
        (BEFORE, replace(BEFORE, status="REJECTED", attempts=6), "failed again"),
        (None, replace(BEFORE, status="REJECTED", attempts=1), "failed again"),
        (BEFORE, replace(BEFORE, status="DONE", attempts=6), "passed"),
        (BEFORE, replace(BEFORE, status="SUPERSEDED", attempts=6), "passed"),
        (BEFORE, replace(BEFORE, status="REMOVED", attempts=6), "passed"),
        (replace(BEFORE, status="DONE"), replace(BEFORE, status="DONE"), "passed"),  # a duplicate writes nothing
    ],
)
def test_an_end_is_known_by_what_the_record_says_since(before, now, verdict):
    assert watched(before, now) == verdict


def test_waiting_looks_until_everything_has_an_end():
    clock = iter(range(1000))
    watch = Watch(Table(BEFORE, None, replace(BEFORE, status="DONE")), clock=lambda: next(clock), pause=lambda _: None)
    watch.add([case()])

    assert watch.wait(300)
    assert (len(watch.passed), watch.pending) == (1, [])


def test_waiting_ends_when_the_time_is_over_or_enough_is_known():
    clock = iter(range(1000))
    watch = Watch(Table(*[BEFORE] * 300), clock=lambda: next(clock), pause=lambda _: None)
    watch.add([case()])

    assert not watch.wait(20)
    assert watch.wait(300, until=lambda: True)
    assert len(watch.pending) == 1


def test_a_letter_that_names_no_object_is_not_waited_for():
    watch = Watch(Table())
    watch.add([Case(Letter("id", "handle", "body"), Cause("MalformedMessage"))])

    assert watch.wait(300)
    assert (len(watch.never_told), watch.passed, watch.failed_again) == (1, [], [])


def test_many_are_looked_at_in_turns():
    asked = []

    class Counting:
        def read(self, versions):
            asked.extend(versions)
            return {}

    clock = iter(range(1000))
    watch = Watch(Counting(), clock=lambda: next(clock))
    cases = [replace(case(), event=ObjectCreated("uploads", f"images/{number}.jpg", "e1")) for number in range(700)]
    watch.add(cases)

    watch.look()
    watch.look()

    assert len(asked) == 1000
    assert len(set(asked)) == 700
