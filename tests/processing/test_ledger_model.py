"""What is decided from records alone: which one counts, and whether it is given up."""

from dataclasses import dataclass, replace

import pytest

from processing.ledger import REMOVED_KEY, current, is_given_up


@dataclass(frozen=True)
class Seen:
    etag: str
    status: str
    updated_at: int = 0
    lease_until: int = 0
    last_receive: bool = False


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Seen("a", "FAILED", last_receive=True), True),
        (Seen("a", "FAILED", last_receive=False), False),
        (Seen("a", "IN_PROGRESS", lease_until=100, last_receive=True), True),  # killed, or given back
        (Seen("a", "IN_PROGRESS", lease_until=101, last_receive=True), False),
        (Seen("a", "IN_PROGRESS", lease_until=100, last_receive=False), False),
        *((Seen("a", status, last_receive=True), False) for status in ("DONE", "REJECTED", "SUPERSEDED", "REMOVED")),
    ],
)
def test_a_version_is_given_up_when_its_last_receive_is_over_and_came_to_no_end(record: Seen, expected: bool) -> None:
    assert is_given_up(record, now=100) == expected


OLDER, NEWER = Seen("a", "DONE", updated_at=1), Seen("b", "REJECTED", updated_at=2)
SUPERSEDED = Seen("c", "SUPERSEDED", updated_at=3)
REMOVED, REMOVING = Seen(REMOVED_KEY, "REMOVED", updated_at=4), Seen(REMOVED_KEY, "IN_PROGRESS", updated_at=4)


@pytest.mark.parametrize(
    ("records", "source", "expected"),
    [
        ([OLDER, NEWER], "a", OLDER),  # uploaded again, and done already: nothing was written
        ([OLDER, NEWER], "b", NEWER),
        ([OLDER, NEWER], "c", None),  # its message is on its way
        ([OLDER, NEWER], None, NEWER),
        ([NEWER, replace(OLDER, status="IN_PROGRESS")], None, replace(OLDER, status="IN_PROGRESS")),
        ([OLDER, REMOVED], "a", OLDER),  # a late removal of what is back
        ([OLDER, REMOVED], None, REMOVED),
        ([OLDER, replace(REMOVED, updated_at=1)], None, replace(REMOVED, updated_at=1)),  # within one second
        ([Seen("a", "REMOVED"), NEWER], "a", None),  # uploaded again
        ([OLDER, NEWER, SUPERSEDED], "c", None),  # uploaded again
    ],
)
def test_of_several_records_that_of_the_version_that_is_there_counts(
    records: list[Seen], source: str | None, expected: Seen | None
) -> None:
    assert current(records, lambda: source) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [([], None), ([OLDER], OLDER), ([SUPERSEDED], None), ([OLDER, SUPERSEDED], OLDER), ([OLDER, REMOVING], OLDER)],
)
def test_where_there_is_no_choice_nobody_asks_for_the_source(records: list[Seen], expected: Seen | None) -> None:
    def asked() -> str | None:
        raise AssertionError

    assert current(records, asked) == expected
