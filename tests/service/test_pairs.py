"""The least and the most of everything at once; `python -m tests.service.pairs` does every two switches together."""

import itertools
from pathlib import Path

import pytest
import yaml

from ops.build.rules import RULES, text_of
from tests.service.packaged_service import PROJECT, copy_project, leave_out_requirements
from tests.service.pairs import FACTORS, LEAST, faults, parameters, rows

DEFAULTS = yaml.safe_load((PROJECT / "serverless.yml").read_text())["params"]["default"]
SIZES = [len(factor) for factor in FACTORS]
OF_NO_CONCERN = {"logLevel"}  # a word in the environment
AS_NUMBERS = {"logRetentionDays"}  # of its choices, the least and the most
REFUSED = {"rendering": {"in-process"}}  # with the most of everything: it renders one image at a time


@pytest.mark.parametrize("numbers", [1, 2], ids=["least", "most"])
def test_the_least_and_the_most_of_everything_is_deployed_without_a_word(tmp_path: Path, numbers: int) -> None:
    row = tuple(numbers if LEAST in factor else len(factor) - 1 for factor in FACTORS)
    copy_project(tmp_path)
    leave_out_requirements(tmp_path)

    assert faults(tmp_path, parameters(row)) == ""


def test_every_two_values_of_every_two_switches_meet() -> None:
    met = {pair for row in rows(SIZES) for pair in itertools.combinations([*enumerate(row)], 2)}

    assert len(met) == sum(one * other for one, other in itertools.combinations(SIZES, 2))
    assert len(list(rows(SIZES))) < 30


def test_every_parameter_is_among_the_switches() -> None:
    assert {name for factor in FACTORS for level in factor for name in level} == RULES.keys() - OF_NO_CONCERN


def test_every_choice_of_every_switch_is_among_the_levels() -> None:
    wanted = {name: choices_of(name) for name in RULES.keys() - OF_NO_CONCERN - AS_NUMBERS if choices_of(name)}
    met = {name: {level.get(name, DEFAULTS[name]) for factor in FACTORS for level in factor} for name in wanted}

    assert {"cdn", "events", "authorizer", "existing"} <= wanted.keys()
    assert {name: {text_of(value) for value in values} for name, values in met.items()} == {
        name: values - REFUSED.get(name, set()) for name, values in wanted.items()
    }


def test_whatever_can_be_left_empty_is_left_empty_once_and_given_once() -> None:
    for name in (name for name, value in DEFAULTS.items() if value == ""):
        (factor,) = (factor for factor in FACTORS if any(name in level for level in factor))

        assert len({bool(level.get(name)) for level in factor}) == 2, name


def choices_of(name: str) -> set[str]:
    """The values of a parameter that has a few, from what its rule says of another."""
    said = RULES[name]("another") or ""
    return set(said.removeprefix("give one of ").split(", ")) if said.startswith("give one of ") else set()
