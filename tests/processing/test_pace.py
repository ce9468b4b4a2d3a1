"""What is still started is decided by the time that is left and by what was seen here."""

import pytest

from processing.errors import NotStarted
from processing.pace import Pace
from tests.processing.conftest import Clock

TRY = 15.0


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(60, clock)


def test_a_cheap_image_is_started_when_a_dear_one_is_not(pace: Pace) -> None:
    pace.begin(lambda: pace.seconds_needed() + 3)

    pace.check(50, at_most=TRY)
    with pytest.raises(NotStarted):
        pace.check(300, at_most=TRY)


def test_what_was_seen_here_decides(pace: Pace, clock: Clock) -> None:
    pace.begin(lambda: pace.seconds_needed() + 3)
    for _ in range(100):
        with pace.rendering(100):
            clock.now += 0.1
    pace.check(300, at_most=TRY)

    with pace.rendering(100):
        clock.now += 2.0  # a slow one: the environment may be slow now
    with pytest.raises(NotStarted):
        pace.check(300, at_most=TRY)


def test_nothing_is_begun_when_publishing_alone_would_take_too_long(pace: Pace) -> None:
    pace.begin(lambda: pace.seconds_needed())

    with pytest.raises(NotStarted):
        pace.allowed(TRY)


def test_a_try_is_cut_so_that_there_is_time_to_publish(pace: Pace) -> None:
    pace.begin(lambda: pace.seconds_needed() + 4)

    assert pace.allowed(TRY) == pytest.approx(4)
    assert pace.allowed(2) == 2


def test_slow_requests_are_reckoned_with_and_forgotten(pace: Pace, clock: Clock) -> None:
    for _ in range(100):
        with pace.object():
            clock.now += 0.3
    assert pace.seconds_needed() == pytest.approx(0.6)

    with pace.object():
        clock.now += 5
    assert pace.seconds_needed() == pytest.approx(10)


def test_rendering_and_waiting_for_it_are_no_requests(pace: Pace, clock: Clock) -> None:
    for _ in range(100):
        with pace.object():
            clock.now += 0.3
            with pace.apart():
                clock.now += 20

    assert pace.seconds_needed() == pytest.approx(0.6)


def test_whatever_was_seen_a_new_invocation_can_begin_with_any_image(pace: Pace, clock: Clock) -> None:
    with pace.object():
        clock.now += 500
    with pace.rendering(1):
        clock.now += 500

    pace.begin(lambda: 60.0)
    assert pace.seconds_needed() < 60
    pace.check(1000, at_most=TRY)
