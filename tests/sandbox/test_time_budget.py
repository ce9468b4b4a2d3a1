"""Every message of a batch has time for one try, and nothing begins that would leave no time to publish."""

import pytest

from processing.errors import NotStarted
from processing.sandbox.capacity import RESERVE, SLOW, TimeBudget, shortest_timeout

TRY = 20.0


class Invocation:
    """A budget, and the time that is left of its invocation."""

    def __init__(self, *, left: float, timeout: float = 260) -> None:
        self.left = left
        self.budget = TimeBudget(TRY, function_timeout=timeout)
        self.budget.begin(lambda: self.left)

    def attempt(self, seconds: float) -> bool:
        """Make a try that takes so long; whether there was time for it."""
        try:
            self.budget.check()
        except NotStarted:
            return False
        self.left -= seconds
        return True


@pytest.mark.parametrize("batch", [1, 4, 10, 42])
@pytest.mark.parametrize("slow", [0.0, SLOW])
def test_within_the_shortest_timeout_each_message_has_its_try_and_one_of_them_a_second(batch: int, slow: float) -> None:
    timeout = shortest_timeout(1769, batch_size=batch, try_seconds=TRY)
    on = Invocation(left=timeout, timeout=timeout)

    for _ in range(batch + 1):
        on.left -= slow / (batch + 1)
        assert on.attempt(TRY)
    assert on.left >= RESERVE


def test_further_tries_take_what_is_left() -> None:
    on = Invocation(left=260)

    assert [on.attempt(TRY) for _ in range(12)] == [True] * 11 + [False]


def test_nothing_is_begun_that_would_leave_no_time_to_publish() -> None:
    on = Invocation(left=RESERVE + TRY)
    on.budget.check()

    on.left -= 0.1
    with pytest.raises(NotStarted, match=r"44\.9 s are left; 20\.0 s are needed, and 25\.0 s to publish"):
        on.budget.check()
    on.budget.check(1.0)


def test_a_new_invocation_begins_anew() -> None:
    on = Invocation(left=RESERVE)
    assert not on.attempt(0.0)

    on.budget.begin(lambda: RESERVE + TRY)

    assert on.attempt(0.0)


def test_a_short_function_keeps_time_to_render() -> None:
    on = Invocation(left=12, timeout=12)

    on.budget.check(10)


def test_outside_an_invocation_time_is_not_limited() -> None:
    TimeBudget(TRY).check(1e9)
