"""At whichever moment of a worker's life an image is erased, nothing of it is left.

``python -m tests.erasure`` erases more of them, and in other orders, which leave pictures.
"""

import pytest

from tests.erasure.wipes import RIGHT, run


@pytest.mark.parametrize("removals", [False, True])
def test_an_erasure_at_any_moment_of_a_workers_life_leaves_nothing(aws: None, removals: bool) -> None:
    left = run(RIGHT, times=12, removals=removals)

    assert [each for each in left if each.pictures or each.records] == []
