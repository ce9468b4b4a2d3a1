"""The least and the most of everything at once; `python -m tests.service.pairs` does every two switches together."""

import itertools
from pathlib import Path

import pytest

from ops.build.rules import RULES
from tests.service.packaged_service import copy_project, leave_out_requirements
from tests.service.pairs import FACTORS, faults, parameters, rows

SIZES = [len(factor) for factor in FACTORS]
OF_NO_CONCERN = {"logLevel"}  # a word in the environment


@pytest.mark.parametrize("numbers", [1, 2], ids=["least", "most"])
def test_the_least_and_the_most_of_everything_is_deployed_without_a_word(tmp_path: Path, numbers: int) -> None:
    row = (numbers, *(size - 1 for size in SIZES[1:]))
    copy_project(tmp_path)
    leave_out_requirements(tmp_path)

    assert faults(tmp_path, parameters(row)) == ""


def test_every_two_values_of_every_two_switches_meet() -> None:
    met = {pair for row in rows(SIZES) for pair in itertools.combinations([*enumerate(row)], 2)}

    assert len(met) == sum(one * other for one, other in itertools.combinations(SIZES, 2))
    assert len(list(rows(SIZES))) < 30


def test_every_parameter_is_among_the_switches() -> None:
    assert {name for factor in FACTORS for level in factor for name in level} == RULES.keys() - OF_NO_CONCERN
