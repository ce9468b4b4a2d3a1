"""A command replaces its own part of the page and nothing else."""

from pathlib import Path

import pytest

from bench import page


def test_a_part_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    rest = "<!-- a.b: begin -->\nb\n<!-- a.b: end -->\n"
    file.write_text(f"before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n{rest}")

    page.write("a", page.table(["", "ms"], [["x", "1"]]), file)

    table = "|  | ms |\n| --- | ---: |\n| x | 1 |"
    assert file.read_text() == f"before\n<!-- a: begin -->\n\n{table}\n\n<!-- a: end -->\nafter\n{rest}"


def test_a_part_that_is_not_in_the_page_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("no part")

    with pytest.raises(ValueError, match=r"no part bench\.x"):
        page.write("bench.x", "text", file)
