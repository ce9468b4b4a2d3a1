"""The table of what each switch adds, in docs/parameters.md; `python -m tests.service.additions` compares each row."""

import re

import pytest

from ops.build.rules import RULES
from tests.service.additions import PAGE, SWITCHES, differences, row, section
from tests.service.conftest import HARDENED
from tests.service.packaged_service import Package, package

ROWS = {
    cells[1].strip(" `"): cells[2:5]
    for line in section(PAGE.read_text(encoding="utf-8")).splitlines()[2:]
    if (cells := line.split("|"))
}
ON = [switch for switch, given in SWITCHES.items() if given.keys() <= HARDENED.keys()]
"""The switches that are on in the hardened package."""

OF_NO_LINE = {"tags"}  # of a template: they are the stack's


@pytest.fixture(scope="module")
def plain() -> Package:
    """The hardened package's stage with the defaults."""
    return package("prod", requirements=False)


def names(cell: str) -> set[str]:
    return {*re.findall(r"`([\w-]+)`", cell)}


def test_every_switch_has_a_row() -> None:
    assert [*ROWS] == [*SWITCHES]
    assert {name for given in SWITCHES.values() for name in given} <= RULES.keys()


def test_every_switch_of_the_hardened_package_is_in_the_table() -> None:
    assert HARDENED.keys() - {name for switch in ON for name in SWITCHES[switch]} == OF_NO_LINE


def test_the_rows_have_all_that_is_added_when_everything_is_on_and_nothing_else(
    plain: Package, hardened: Package
) -> None:
    _, _, resources, added, *_ = row("all", differences(plain, hardened)).split("|")

    assert names(resources) == {name for switch in ON for name in names(ROWS[switch][0])}
    # what changes a resource that another switch has added is no change of one of the defaults
    assert names(added) <= {name for switch in ON for name in names(ROWS[switch][1])}
    assert {name for switch in ON for name in names(ROWS[switch][1])} - names(added) <= {
        *("AnnounceErasures", "EVENT_BUS", "DistributionConfig"),
    }


def test_nothing_goes_but_what_is_named(plain: Package, hardened: Package) -> None:
    lines = differences(plain, hardened)

    assert [line for line in lines if line.startswith(("-", "!"))] == []
    assert {line.strip() for line in lines if line.startswith("    - ")} == {
        "- Properties.SqsManagedSseEnabled: true",
    }
