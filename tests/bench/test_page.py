"""A command replaces its own part of the page and nothing else."""

from pathlib import Path

import pytest

from bench import page
from bench.machine import machine, sentence

ABOUT = sentence({**machine(), "versions": {}}, {"load": 1.5})


def test_a_part_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    rest = "<!-- a.b: begin -->\nb\n<!-- a.b: end -->\n"
    file.write_text(f"before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n{rest}")

    page.write("a", f"{ABOUT}\n\n{page.table(['', 'ms'], [['x', '1']])}", file)

    table = f"{ABOUT}\n\n|  | ms |\n| --- | ---: |\n| x | 1 |"
    assert file.read_text() == f"before\n<!-- a: begin -->\n\n{table}\n\n<!-- a: end -->\nafter\n{rest}"


def test_a_part_that_is_not_in_the_page_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("no part")

    with pytest.raises(ValueError, match=r"no part bench\.x"):
        page.write("bench.x", ABOUT, file)


def test_a_part_that_does_not_say_what_it_was_measured_on_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(before := "<!-- a: begin -->\nold\n<!-- a: end -->\n")

    with pytest.raises(ValueError, match="does not begin with the machine"):
        page.write("a", "| a | table |", file)

    assert file.read_text() == before


def test_tables_are_read_as_they_are_written() -> None:
    first, second = page.table(["ms", "a"], [["x", "1.0 (0.9 to 1.1)"], ["y", ""]]), page.table(["MB"], [["z"]])

    assert page.tables(f"text\n\n{first}\n\nmore\n\n{second}\n") == {
        "ms": [{"ms": "x", "a": "1.0 (0.9 to 1.1)"}, {"ms": "y", "a": ""}],
        "MB": [{"MB": "z"}],
    }
