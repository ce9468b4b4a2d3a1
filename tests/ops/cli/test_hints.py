"""Every command that a sentence gives to paste comes from ops/cli/hints.py, with its stage, and in one piece."""

import ast
import re
import shlex
import sys
import time
from collections import defaultdict
from dataclasses import replace

import pytest

from ops.cli import hints
from ops.cli.checkout import ROOT
from ops.cli.dlq import runbook
from ops.cli.dlq.causes import Cause, DeadMessage, Diagnosis
from ops.cli.hints import command, program
from ops.cli.stage import Stage, given_options
from ops.cli.tables import advise, facts, paragraph
from ops.cli.terminal import stdout
from processing.events import ObjectCreated
from tests.ops.cli.terminals import printed
from tests.test_documented_commands import COMMAND, unknown_options

CLI = ROOT / "ops" / "cli"
SUBCOMMANDS = COMMAND.commands  # type: ignore[attr-defined]
STAGE = Stage.of("local", "eu-west-1", defaultdict(str), lambda _service: None)
ELSEWHERE = replace(STAGE, name="prod", named_by=given_options("us-east-1", "my team"))
EXEMPT = {"runbook.py", "hints.py", "wrapping.py"}
"""Of which the first is filled in (`runbook_of`), and the others are what the rest is measured by."""


def sentences(tree: ast.AST):
    """The texts of a module that are no docstrings, with their lines."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def own_hints():
    """Where a sentence of ops/cli names a subcommand without what adds its stage."""
    names = "|".join([*map(re.escape, sorted(SUBCOMMANDS))])
    for path in sorted(CLI.rglob("*.py")):
        if path.name in EXEMPT:
            continue
        for line, text in sentences(ast.parse(path.read_text(encoding="utf-8"))):
            if re.search(rf"\bdarkroom ({names})\b", text):
                yield f"{path.relative_to(CLI)}:{line}: {text}"


def test_no_sentence_names_a_command_that_is_not_composed_with_its_stage():
    assert list(own_hints()) == []


def test_a_hint_repeats_the_stage_and_the_options_that_found_it():
    assert STAGE.command("dlq", "show", "ID") == "darkroom dlq show ID --stage local"
    assert ELSEWHERE.command("status") == "darkroom status --stage prod --region us-east-1 --profile 'my team'"


@pytest.mark.parametrize("key", ["images/it's $(x) y.jpg", "images/a\nb.jpg"])
def test_a_shell_reads_the_words_of_a_hint_as_they_are(key):
    hint = command("logs", key, stage="local")

    if key.isprintable():
        assert shlex.split(hint) == ["darkroom", "logs", key, "--stage", "local"]
    assert hint.isprintable()


def test_in_a_checkout_that_is_not_on_the_path_a_hint_names_its_bin(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", [str(hints.OF_CHECKOUT), "status"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == "bin/darkroom"

    monkeypatch.setenv("PATH", str(ROOT / "bin"))
    assert program() == "darkroom"

    other = tmp_path / "darkroom"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == "bin/darkroom"  # another installation knows nothing of this checkout's stage local

    monkeypatch.setattr(sys, "argv", [str(other), "status"])
    assert program() == "darkroom"


@pytest.mark.parametrize("cause", [*runbook.CLASSES, *runbook.WORDS, "ValueError:ab12cd34"])
def test_the_commands_of_a_runbook_exist_and_name_the_message_and_its_stage(cause):
    name, _, place = cause.partition(":")
    event = ObjectCreated("uploads", "images/a b.jpg", "e1")
    message = Diagnosis(DeadMessage("0a1b2c3d-4e5f", "handle", "body"), Cause(name, place), event=event)

    remedy = runbook.runbook_of(message, ELSEWHERE).remedy

    for found in re.findall(r"`darkroom ([^`]+)`", remedy):
        words = shlex.split(found)
        assert words[-6:] == ["--stage", "prod", "--region", "us-east-1", "--profile", "my team"]
        assert unknown_options(words) == set()
        assert not {"ID", "KEY"} & set(words)


SENTENCE = f"Some are not finished. To see whether the queue is draining: {ELSEWHERE.command('logs', 'images/a b.jpg')}"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_command_to_paste_is_not_broken_and_the_words_around_it_are_wrapped(width):
    said = printed(lambda: advise(SENTENCE), width)

    assert ELSEWHERE.command("logs", "images/a b.jpg") in said
    assert said.split() == SENTENCE.split()
    assert all(len(line) <= width for line in said.splitlines() if "darkroom" not in line)


def test_a_command_is_whole_beside_a_name_and_in_backquotes():
    said = printed(
        lambda: stdout().print(facts([("remedy", f"Reproduce it with `{STAGE.command('replay', 'ID')}`.")])), 40
    )

    assert "`darkroom replay ID --stage local`" in said


def test_what_is_named_whole_is_not_broken():
    said = printed(
        lambda: stdout().print(
            paragraph("not found: my holiday folder/a b c.jpg", whole=["my holiday folder/a b c.jpg"])
        ),
        20,
    )

    assert said.splitlines() == ["not found:", "my holiday folder/a b c.jpg"]


def test_nothing_is_wrapped_in_a_pipe():
    assert printed(lambda: advise(SENTENCE)) == f"{SENTENCE}\n"


@pytest.mark.parametrize("text", ["$'" * 2000, "it's " * 400, '"' * 2000, "`" * 2000])
def test_no_key_makes_the_search_for_commands_slow(text):
    start = time.monotonic()

    printed(lambda: advise(f"not found: darkroom logs {text} x"), 80)

    assert time.monotonic() - start < 5
