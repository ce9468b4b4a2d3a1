"""docs/parameters.md has the prices of the switches, as the code reckons them, and no other page has one."""

import re

import pytest

from ops.build.switch_costs import PAGE, REGENERATE, main, page, section
from ops.cli.checkout import ROOT
from ops.cli.switches.table import SWITCHES

PRICE = re.compile(r"\$ ?\d(?!')|\d dollars?\b|dollars? (?:a|for) |\d a (?:GB|million)\b|\d\.\d\d (?:each|a month)\b")
ELSEWHERE = ("parameters.md", "benchmarks.md")  # the latter's are a command's as well
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in ELSEWHERE)


def test_the_page_has_the_table_of_today() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert page(text) == text, f"write it anew: {REGENERATE}"
    assert page(text.replace("| `events` | 1.08", "| `events` | 2.08")) == text


def test_the_table_has_a_row_for_each_switch() -> None:
    rows = re.findall(r"^\| `(.+?)` \|", section(), re.MULTILINE)

    assert rows == [switch.name.replace("=", ": ") for switch in SWITCHES]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_other_page_states_a_price(path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if PRICE.search(line)] == []


@pytest.mark.parametrize(
    "said", ["1.00 dollar for a million events", "$0.085 a GB", "0.25 a GB", "at 0.10 each: 1.30 a month"]
)
def test_a_price_on_another_page_would_be_found(said: str) -> None:
    assert PRICE.search(said)


def test_the_command_prints_the_section_and_refuses_other_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == section() + "\n"
    assert main(["--wrong"]) == 2
