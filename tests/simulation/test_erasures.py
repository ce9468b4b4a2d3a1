"""Histories with erasures: nothing of an erased object is left, and every rule that is taken away is missed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.campaign import run_side_by_side
from tests.simulation.erasing_mutants import MUTANTS
from tests.simulation.histories import play
from tests.simulation.invariants import violations

HISTORIES = 1_000
"""Every rule that is taken away is missed within 50; a campaign plays more: `python -m tests.simulation --erasing`."""


def test_no_history_with_erasures_breaks_a_rule() -> None:
    *_, report = run_side_by_side(range(HISTORIES), workers=2, erasing=True)

    assert report.broken == {}
    assert report.erased >= HISTORIES


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_rule_of_erasure_that_is_taken_away_is_missed(mutant: Callable[[], Any]) -> None:
    with mutant():
        found = next((seed for seed in range(HISTORIES) if violations(play(seed, erasing=True))), None)

    assert found is not None
