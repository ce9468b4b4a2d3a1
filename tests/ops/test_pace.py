"""A rate is held whatever the sending itself takes, and no lost time is made up for in one burst."""

import pytest

from ops.pace import Pace


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("rate", [0.5, 3, 20, 500])
@pytest.mark.parametrize("work", [0.0, 0.01])
def test_the_rate_is_held_over_many_requests(rate, work):
    clock = Clock()
    pace = Pace(rate, clock=clock, pause=clock.pause)
    sent = 0

    while clock.now < 160:
        pace.wait(pace.step)
        sent += pace.step
        clock.now += work * pace.step / rate

    assert sent == pytest.approx(60 * rate, rel=0.03, abs=pace.step)


def test_a_long_stand_is_not_made_up_for():
    clock = Clock()
    pace = Pace(10, clock=clock, pause=clock.pause)
    pace.wait(5)
    clock.now += 3600

    sent, begun = 0, clock.now
    while clock.now < begun + 10:
        pace.wait(5)
        sent += 5

    assert sent <= 110


def test_a_low_rate_comes_evenly():
    assert [Pace(rate).step for rate in (0.1, 1, 4, 20, 500)] == [1, 1, 2, 10, 10]


def test_without_a_rate_nothing_waits():
    clock = Clock()

    Pace(None, clock=clock, pause=clock.pause).wait(10_000)

    assert clock.now == 100
