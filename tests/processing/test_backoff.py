"""Rounds against other writers."""

import random

import pytest

from processing.backoff import FIRST_PAUSE, ROUNDS, Backoff
from processing.errors import Conflict, OutOfTime
from processing.publisher import Lease


def allowed(_: float) -> None:
    """There is time for any pause."""


def test_a_few_rounds_are_counted_and_then_it_is_a_conflict() -> None:
    rounds, counted = Backoff(random.Random(1), lambda _: None).rounds("s3:PutObject phone/a.jpg", allowed), list[int]()

    with pytest.raises(Conflict, match=r"s3:PutObject phone/a\.jpg: .* in 5 rounds"):
        counted.extend(rounds)

    assert counted == list(range(ROUNDS))


def test_the_pauses_grow_and_no_two_writers_have_the_same() -> None:
    def pauses(seed: int) -> list[float]:
        slept: list[float] = []
        with pytest.raises(Conflict):
            list(Backoff(random.Random(seed), slept.append).rounds("put", allowed))
        return slept

    for seed in range(100):
        assert len(pauses(seed)) == ROUNDS - 2  # the second round follows at once
        for number, pause in enumerate(pauses(seed)):
            most = FIRST_PAUSE * 2**number
            assert most / 2 <= pause <= most
    assert pauses(1) != pauses(2)


def test_no_pause_is_begun_after_which_no_request_could_be_sent_under_the_lease() -> None:
    slept: list[float] = []
    lease = Lease(until=120.25, clock=lambda: 100.0, request_seconds=20)

    with pytest.raises(OutOfTime):
        list(Backoff(random.Random(1), slept.append).rounds("put", lease.check))

    assert sum(slept) <= 0.25
    assert len(slept) < ROUNDS - 2
