"""docs/cli.md says what the commands' help says, on any terminal; and every command is in it, with examples."""

import re
import subprocess
import sys

import pytest
from typer.main import get_command

from ops.build.clidoc import PAGE, REGENERATE, main, page
from ops.cli.checkout import ROOT
from ops.cli.main import make_app


def commands(group, path="darkroom"):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


ALL = dict(commands(get_command(make_app())))
SERVERS = {"darkroom local"}  # runs until Ctrl-C, and has nothing to say to programs


def test_the_page_is_what_the_help_says():
    assert PAGE.read_text(encoding="utf-8") == page(), f"the help has changed: run {REGENERATE}"


def test_the_page_does_not_depend_on_the_terminal():
    narrow = {"COLUMNS": "40", "TERM": "dumb", "DARKROOM_STAGE": "prod", "NO_COLOR": "1"}
    wide = {"COLUMNS": "300", "TERM": "xterm-256color", "FORCE_COLOR": "1"}
    pages = {
        subprocess.run(
            [sys.executable, "-m", "ops.build.clidoc"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "HOME": "/", **environ},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for environ in (narrow, wide)
    }

    assert pages == {page()}


def test_every_command_is_on_the_page():
    headings = re.findall(r"^## (.+)$", page(), flags=re.MULTILINE)

    assert set(ALL) <= set(headings)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_a_sentence_examples_that_are_its_own_and_json(name):
    text = ALL[name].help or ""
    options = {option for one in ALL[name].params for option in (*one.opts, *one.secondary_opts)}

    assert text.splitlines()[0]
    assert "Examples:" in text
    assert name in text.partition("Examples:")[2]
    assert "--json" in options or name in SERVERS


@pytest.mark.parametrize("name", ALL)
def test_examples_use_options_that_there_are(name):
    options = {option for one in ALL[name].params for option in (*one.opts, *one.secondary_opts)}
    examples = ALL[name].help.partition("Examples:")[2]
    lines = [part for line in examples.splitlines() for part in re.split(r"[|&;]", line) if name in part]

    assert {used for line in lines for used in re.findall(r"(?<!\S)--[a-z-]+", line)} <= options


def test_a_wrong_word_is_refused():
    assert main(["--wrong"]) == 2
