"""Every table is looked at on terminals of 60, 80 and 120 columns and in a pipe, and shows the same each time."""

import ast
import sys
from pathlib import Path

import pytest

from tests.ops.cli.screens.drawing import REGENERATE, SHOWN, WIDTHS, file_of, screens_of
from tests.ops.cli.screens.scenes import LONG, SCENES
from tests.ops.cli.terminals import printed

ROOT = Path(__file__).parents[4]
LAID_OUT = {"table", "facts", "paragraph"}


@pytest.mark.parametrize("name", SCENES)
def test_a_screen_is_as_it_was_when_somebody_looked_at_it(name):
    assert screens_of(SCENES[name]) == file_of(name).read_text(encoding="utf-8"), f"look at it: {REGENERATE}"


@pytest.mark.parametrize("name", SCENES)
def test_no_line_begins_with_a_line_end_that_was_escaped(name):
    assert not [line for line in printed(SCENES[name]).splitlines() if line.startswith("\\n")]


def test_the_healthy_stage_on_the_page_is_what_the_command_prints():
    assert f"```\n{printed(SCENES['status-healthy'])}```\n" in (ROOT / "docs" / "operating.md").read_text(
        encoding="utf-8"
    )


def test_no_screen_is_kept_that_nothing_prints():
    assert {path.stem for path in SHOWN.iterdir()} == set(SCENES)


def printers():
    """The functions of the commands that lay something out, as (file, name)."""
    for path in sorted((ROOT / "ops" / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and path.name != "tables.py":
                calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
                if LAID_OUT & {each.id for each in calls if isinstance(each, ast.Name)}:
                    yield str(path), node.name


def test_every_function_that_lays_out_a_table_has_a_screen():
    seen = set()
    sys.setprofile(lambda frame, _event, _arg: seen.add((frame.f_code.co_filename, frame.f_code.co_name)))
    try:
        for scene in SCENES.values():
            printed(scene)
    finally:
        sys.setprofile(None)

    assert set(printers()) - seen == set(), "add a scene for each"


@pytest.mark.parametrize("name", ["audit", "dlq-list", "dlq-show", "erase", "erase-dry-run", "show", "start"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_key_is_whole_at_every_width(name, width):
    text = printed(SCENES[name], width)

    assert any(LONG in line or LONG.removeprefix("images/") in line for line in text.splitlines())


def test_a_dead_letter_is_one_line_in_a_pipe():
    lines = printed(SCENES["dlq-list"]).splitlines()

    assert len(lines) == 1 + 4
    assert all("images/" in line for line in lines[1:])
