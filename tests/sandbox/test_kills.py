"""Whatever dies, and at whichever step: every picture is the engine's own, and no sound image is blamed.

Longer: ``python -m tests.sandbox.kills --rounds 200``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing.recipe import Recipe
from tests.sandbox.conftest import family
from tests.sandbox.kills import KILLS, Kill, Rounds, Tally


@pytest.fixture(scope="module")
def rounds(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    made = Rounds(recipe, tmp_path_factory.mktemp("kills"))
    yield made
    made.close()


@pytest.mark.parametrize("kill", KILLS, ids=", ".join)
def test_every_picture_is_the_engine_s_own_whatever_dies(rounds: Rounds, kill: Kill) -> None:
    rounds.tally = Tally()
    rounds.play(kill)

    assert (rounds.tally.wrong, rounds.tally.failed) == ([], [])


def test_afterwards_the_environment_works_as_before(recipe: Recipe, tmp_path: Path) -> None:
    """The same two processes render on, and no descriptor is left open."""
    rounds = Rounds(recipe, tmp_path)
    try:
        rounds.play(KILLS[0])
        files = len(os.listdir("/proc/self/fd"))
        for kill in (("renderer", "render started"), ("keeper", "render started"), ("answer", "twice")):
            rounds.play(kill)
        processes = family(rounds.renderer)
        for _ in range(3):
            rounds.render(("nothing", ""))

        assert family(rounds.renderer) == processes
        assert len(processes) == 2
        assert len(os.listdir("/proc/self/fd")) == files
        assert (rounds.tally.wrong, rounds.tally.failed) == ([], [])
    finally:
        rounds.close()
