"""Every message of a batch is promised one try, and nothing else may take the time for it."""

import threading
from collections.abc import Callable

import pytest

from processing.errors import NotStarted
from processing.sandbox.capacity import RESERVE, SLOW, TimeBudget, shortest_timeout

TRY = 20.0


class Invocation:
    """A budget, and the time that is left of its invocation."""

    def __init__(self, *, messages: int, left: float, timeout: float = 260, renderers: int = 1) -> None:
        self.left = left
        self.budget = TimeBudget(TRY, renderers=renderers, function_timeout=timeout)
        self.budget.begin(lambda: self.left, messages)

    def message(self, *tries: float) -> bool:
        """Work on a message, with tries that take so long; whether all of them were made."""
        with self.budget.message():
            return all(self.attempt(seconds) for seconds in tries)

    def attempt(self, seconds: float) -> bool:
        try:
            with self.budget.attempt():
                self.budget.check()
                self.left -= seconds
        except NotStarted:
            return False
        return True


@pytest.mark.parametrize("batch", [1, 4, 10])
@pytest.mark.parametrize("slow", [0.0, SLOW / 10])
def test_within_the_shortest_timeout_each_message_has_its_try_and_one_of_them_a_second(batch: int, slow: float) -> None:
    timeout = shortest_timeout(1769, batch_size=batch, try_seconds=TRY)
    on = Invocation(messages=batch, left=timeout, timeout=timeout)

    assert on.message(TRY, TRY)
    for _ in range(batch - 1):
        on.left -= slow
        assert on.message(TRY)
    assert on.left >= RESERVE


def test_a_second_try_leaves_the_others_theirs() -> None:
    on = Invocation(messages=10, left=260)

    assert on.message(TRY, TRY)
    assert not on.message(TRY, TRY)
    assert all(on.message(TRY) for _ in range(8))


def test_what_others_did_not_use_is_there_for_second_tries() -> None:
    on = Invocation(messages=10, left=260)
    for _ in range(8):
        assert on.message(0.3)

    assert on.message(TRY, TRY)
    assert on.message(TRY, TRY)


def test_a_message_that_ended_without_a_try_is_promised_nothing() -> None:
    """A duplicate, or one that was superseded."""
    on = Invocation(messages=10, left=11 * TRY)
    assert not on.message(0.0, 0.0)

    for _ in range(8):
        assert on.message()
    assert on.message(TRY, TRY)


def test_a_further_try_that_is_under_way_is_reckoned_with() -> None:
    on = Invocation(messages=2, left=RESERVE + SLOW + 3 * TRY - 1)
    first = on.budget.message()
    with first, on.budget.attempt():
        pass

    with on.budget.attempt():
        assert not in_another_thread(lambda: on.attempt(0.0))
    assert in_another_thread(lambda: on.attempt(0.0))


def in_another_thread(action: Callable[[], bool]) -> bool:
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(action()))
    thread.start()
    thread.join()
    return got[0]


def test_a_try_that_failed_was_the_promised_one() -> None:
    on = Invocation(messages=2, left=RESERVE + SLOW + 2 * TRY - 1)

    with on.budget.message():
        with pytest.raises(ZeroDivisionError), on.budget.attempt():
            raise ZeroDivisionError
        assert not on.attempt(TRY)


def test_side_by_side_tries_cost_less_and_one_alone_costs_two() -> None:
    """It waits for those beside it, and they for it."""
    on = Invocation(messages=7, left=RESERVE + SLOW + 4 * TRY, renderers=3)
    assert on.message(0.0, 0.0)

    on = Invocation(messages=7, left=RESERVE + SLOW + 4 * TRY - 1, renderers=3)
    assert not on.message(0.0, 0.0)


def test_nothing_is_begun_that_would_leave_no_time_to_publish() -> None:
    on = Invocation(messages=1, left=RESERVE + TRY)
    on.budget.check()

    on.left -= 0.1
    with pytest.raises(NotStarted, match=r"44\.9 s are left; 20\.0 s are needed, and 25\.0 s to publish"):
        on.budget.check()
    on.budget.check(1.0)


def test_a_new_invocation_begins_anew() -> None:
    on = Invocation(messages=10, left=260)
    on.message(TRY)

    on.left = RESERVE + SLOW + TRY
    on.budget.begin(lambda: on.left, 1)

    assert on.message(0.0, 0.0)


def test_a_short_function_keeps_time_to_render() -> None:
    on = Invocation(messages=1, left=12, timeout=12)

    on.budget.check(10)


def test_outside_an_invocation_time_is_not_limited() -> None:
    budget = TimeBudget(TRY)

    with budget.attempt():
        budget.check(1e9)
