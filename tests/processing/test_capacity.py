"""What fits into a function, from its memory."""

import pytest

from processing.capacity import CONSUMER, RENDERER, USED, capacity


@pytest.mark.parametrize("memory", [512, 1024, 1769, 3008, 10_240])
def test_all_of_it_together_leaves_a_fifth_free(memory: int) -> None:
    room = capacity(memory)

    assert CONSUMER + room.renderers * (RENDERER + room.kept) + room.bodies + room.rendering <= USED * memory + 1e-6
    assert min(room.bodies, room.rendering) > 0


def test_a_renderer_for_each_vcpu_and_ten_threads() -> None:
    assert [(room.renderers, room.threads) for room in map(capacity, (512, 1769, 3 * 1769, 10_240))] == [
        (1, 3),
        (1, 10),
        (3, 30),
        (6, 58),
    ]


def test_the_largest_body_that_is_let_in_fits() -> None:
    room = capacity(512)

    assert room.megabytes_of(room.largest_body) <= room.bodies
