"""Rounds against other writers."""

import math
import random
from collections.abc import Callable

import pytest

from processing.concurrency import AT_ONCE, FIRST_PAUSE, PAUSES, Backoff, Lease
from processing.errors import Conflict, OutOfTime


def lease(rng: random.Random, sleep: Callable[[float], None], until: float = math.inf) -> Lease:
    return Lease(until, clock=lambda: 100.0, request_seconds=20, backoff=Backoff(rng, sleep))


def pauses(seed: int) -> list[float]:
    slept: list[float] = []
    with pytest.raises(Conflict):
        list(lease(random.Random(seed), slept.append).rounds("put"))
    return slept


def test_a_few_rounds_are_counted_and_then_it_is_a_conflict() -> None:
    retries, counted = lease(random.Random(1), lambda _: None), list[int]()

    with pytest.raises(Conflict, match=r"s3:PutObject phone/a\.jpg: .* in 5 rounds"):
        counted.extend(retries.rounds("s3:PutObject phone/a.jpg"))

    assert counted == list(range(AT_ONCE + PAUSES))


def test_the_pauses_are_those_of_all_the_work_on_an_object() -> None:
    slept: list[float] = []
    retries = lease(random.Random(1), slept.append)
    one, another = retries.rounds("put phone"), retries.rounds("put tablet")

    assert [next(one) for _ in range(4)] == [0, 1, 2, 3]
    assert [next(another) for _ in range(3)] == [0, 1, 2]

    assert len(slept) == PAUSES
    with pytest.raises(Conflict, match="put tablet"):
        next(another)
    assert next(retries.rounds("delete phone")) == 0


def test_the_pauses_grow_and_no_two_writers_have_the_same() -> None:
    for seed in range(100):
        assert len(pauses(seed)) == PAUSES
        for number, pause in enumerate(pauses(seed)):
            most = FIRST_PAUSE * 2**number
            assert most / 2 <= pause <= most
    assert pauses(1) != pauses(2)


def test_no_pause_is_begun_after_which_no_request_could_be_sent_under_the_lease() -> None:
    slept: list[float] = []

    with pytest.raises(OutOfTime):
        list(lease(random.Random(1), slept.append, until=120.25).rounds("put"))

    assert sum(slept) <= 0.25
    assert len(slept) < PAUSES
