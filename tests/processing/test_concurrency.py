"""Work in parallel: its results, the bound, the error that decides, and that nothing of it goes on afterwards."""

import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from processing.concurrency import Executor, Threads, decisive, in_this_thread, results
from processing.errors import (
    Conflict,
    CorruptImage,
    LeaseLost,
    OutOfTime,
    PreconditionFailed,
    SourceReplaced,
    Unavailable,
)
from tests.threads import no_thread_left

FOUR = Threads(4)
EXECUTORS = pytest.mark.parametrize("execute", [in_this_thread, FOUR], ids=["in this thread", "in threads"])
IN_ORDER = (  # the first of any two decides
    ZeroDivisionError("a bug"),
    LeaseLost("another worker's"),
    SourceReplaced("a newer one"),
    CorruptImage("truncated"),
    Unavailable("SlowDown", "s3:PutObject a"),
    Conflict("in every round"),
    OutOfTime("0.1 s"),
)
PAIRS = list(itertools.combinations(IN_ORDER, 2))
NAMES = ["-".join(type(each).__name__ for each in pair) for pair in PAIRS]


@EXECUTORS
def test_results_have_the_order_of_the_items(execute: Executor) -> None:
    turns = [threading.Event() for _ in range(4)]
    turns[3].set()

    def last_first(number: int) -> int:
        if execute is FOUR:
            assert turns[number].wait(10)
            turns[number - 1].set()
        return number * number

    assert results(execute, last_first, range(4)) == [0, 1, 4, 9]
    assert results(execute, last_first, []) == []


def test_no_more_run_in_parallel_than_allowed() -> None:
    four, five = threading.Barrier(4, timeout=10), threading.Barrier(5, timeout=0.2)

    results(FOUR, lambda _: four.wait(), range(8))  # breaks when fewer than four meet

    with pytest.raises(threading.BrokenBarrierError):
        results(FOUR, lambda _: five.wait(), range(5))


def test_one_item_takes_no_thread() -> None:
    assert results(FOUR, lambda _: threading.current_thread(), "a") == [threading.current_thread()]


@EXECUTORS
def test_no_work_begins_after_a_failure(execute: Executor) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise OutOfTime

    with pytest.raises(OutOfTime):
        results(execute, work, range(100))
    assert len(begun) <= (1 if execute is in_this_thread else 4)


def test_work_that_had_begun_ends_before_the_failure_of_another_is_raised() -> None:
    begun, never, done = threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> None:
        if number == 0:
            assert begun.wait(10)
            raise Conflict
        begun.set()
        never.wait(0.1)
        done.append(number)

    with no_thread_left(), pytest.raises(Conflict):
        results(Threads(2), work, range(2))
    assert done == [1]


@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=["-".join(type(each).__name__ for each in pair) for pair in PAIRS]
)
def test_the_error_that_decides_is_the_same_in_whatever_order_they_come(first: Exception, second: Exception) -> None:
    assert decisive([first, second]) is first
    assert decisive([second, first]) is first


def test_of_two_equal_errors_the_first_item_s_decides() -> None:
    errors = [OutOfTime("a"), PreconditionFailed("b"), OutOfTime("c")]

    assert decisive(errors) is errors[0]


def test_every_error_that_does_not_decide_is_a_note() -> None:
    noted = Conflict("in every round")
    noted.add_note("the reason could not be recorded")
    errors = [OutOfTime("0.1 s"), noted, Unavailable("SlowDown", "s3:PutObject a")]

    together = threading.Barrier(3, timeout=10)  # no part begins after a failure

    def work(error: Exception) -> None:
        together.wait()
        raise error

    with pytest.raises(Unavailable) as raised:
        results(FOUR, work, errors)
    assert raised.value.__notes__ == [
        "another part failed as well: OutOfTime: 0.1 s",
        "another part failed as well: Conflict: in every round; the reason could not be recorded",
    ]


def test_a_bug_beside_a_bug_is_noted_with_its_place() -> None:
    def bug() -> Exception:
        try:
            return [][0]
        except IndexError as error:
            return error

    chosen = decisive([KeyError("x"), bug()])

    assert "in bug\n    return [][0]" in chosen.__notes__[0]


@contextmanager
def without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Body:
    """What may be large."""


def test_a_failure_keeps_no_item_in_memory_once_it_is_handled() -> None:
    body = Body()
    alive = weakref.ref(body)

    def work(_: Body) -> None:
        raise Conflict

    with without_collector():
        try:
            results(FOUR, work, [body, body])
        except Conflict:
            del body
        assert alive() is None
