"""Milliseconds by stage, and what of them was waiting."""

import contextlib

from processing.worker import Timings


def watch_of(*seconds: float) -> Timings:
    return Timings(iter(seconds).__next__)


def test_a_stage_that_comes_again_is_added_up() -> None:
    watch = watch_of(0, 1, 5, 7)

    for _ in range(2):
        with watch.stage("fetch"):
            pass

    assert watch.by_stage == {"fetch": 3000}


def test_what_a_stage_took_beyond_its_work_is_waiting() -> None:
    watch = watch_of(0, 2, 2, 5)

    for worked in (500, 1000):
        with watch.stage("render"):
            pass
        watch.split_wait("render", worked)

    assert watch.by_stage == {"render": 1500, "wait": 3500}


def test_work_that_was_measured_longer_than_its_stage_is_no_negative_waiting() -> None:
    watch = watch_of(0, 1)

    with watch.stage("render"):
        pass
    watch.split_wait("render", 1002)

    assert watch.by_stage == {"render": 1000, "wait": 0}


def test_every_stage_is_observed_and_one_that_is_not_kept_is_not_added() -> None:
    seen: list[tuple[str, float, float]] = []
    watch = Timings(iter((0, 1, 1, 3, 3, 4)).__next__, lambda *stage: seen.append(stage))

    with watch.stage("claim", kept=False):
        pass
    with contextlib.suppress(ZeroDivisionError), watch.stage("fetch"):
        raise ZeroDivisionError
    with contextlib.suppress(ZeroDivisionError), watch.stage("complete", kept=False):
        raise ZeroDivisionError

    assert seen == [("claim", 0, 1), ("fetch", 1, 3), ("complete", 3, 4)]
    assert watch.by_stage == {"fetch": 2000}
