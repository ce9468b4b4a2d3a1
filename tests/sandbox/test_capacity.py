"""What fits into a function, from its memory."""

import itertools
import random

import pytest

from processing.sandbox.capacity import (
    CONSUMER_MEGABYTES,
    COPIES,
    MEGABYTE,
    RENDERER_MEGABYTES,
    RESERVE,
    REST,
    SLOW,
    USABLE,
    animation_seconds,
    capacity,
    rounds,
    shortest_timeout,
)


@pytest.mark.parametrize("memory", [512, 1024, 1769, 3008, 10_240])
def test_all_of_it_together_leaves_a_fifth_free(memory: int) -> None:
    room = capacity(memory)

    processes = CONSUMER_MEGABYTES + room.renderers * (RENDERER_MEGABYTES + room.kept)
    assert processes + room.bodies + room.rendering <= USABLE * memory + 1e-6
    assert min(room.bodies, room.rendering) > 0


def test_a_renderer_for_each_vcpu_and_ten_threads() -> None:
    assert [(room.renderers, room.threads) for room in map(capacity, (512, 1769, 3 * 1769, 10_240))] == [
        (1, 3),
        (1, 10),
        (3, 30),
        (6, 58),
    ]


def test_in_a_container_cpus_decide_on_renderers_and_threads_and_memory_on_the_rest() -> None:
    one, four = capacity(8192, 1), capacity(8192, 4)

    assert [(room.renderers, room.threads) for room in (one, four)] == [(1, 10), (4, 40)]
    assert one.rendering > four.rendering > capacity(1769).rendering
    assert capacity(1769, 1) == capacity(1769)
    assert shortest_timeout(8192, batch_size=10, try_seconds=20, cpus=1) == 260
    assert shortest_timeout(8192, batch_size=10, try_seconds=20, cpus=4) == 140


def test_the_largest_body_that_is_let_in_fits() -> None:
    room = capacity(512)

    assert COPIES * room.largest_body / MEGABYTE <= room.bodies


@pytest.mark.parametrize("renderers", [1, 2, 3, 6])
@pytest.mark.parametrize("tries", [1, 2, 7, 10])
def test_no_order_of_tries_takes_longer_than_their_rounds(tries: int, renderers: int) -> None:
    """Each is begun by the renderer that is free first; what is to be alone waits for the rest, and they for it."""
    rng = random.Random(1)
    for alone, _ in itertools.product((0, 1, 2), range(200)):
        work = [(rng.choice((0.1, 0.5, 1.0)), False) for _ in range(tries)] + [(1.0, True)] * alone
        rng.shuffle(work)
        free = [0.0] * renderers
        for seconds, is_alone in work:
            free.sort()
            if is_alone:
                free = [free[-1] + seconds] * renderers
            else:
                free[0] += seconds

        assert max(free) <= rounds(tries, alone, renderers) + 1e-9


def test_the_shortest_timeout_is_for_a_try_each_one_again_and_the_rest() -> None:
    assert shortest_timeout(1769, batch_size=10, try_seconds=20) == 11 * 20 + 40
    assert shortest_timeout(3 * 1769, batch_size=10, try_seconds=20) == 6 * 20 + 40
    assert RESERVE + SLOW < REST


def test_an_animation_takes_longer_on_a_part_of_a_cpu_and_no_shorter_on_several() -> None:
    assert animation_seconds(1769, 100e6) == animation_seconds(2 * 1769, 100e6) == pytest.approx(20)
    assert animation_seconds(1769 / 2, 100e6) == pytest.approx(40)
