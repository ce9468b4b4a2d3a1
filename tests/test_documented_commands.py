"""What a reader of any page may type exists: npm's scripts, subcommands, options, operations of the AWS CLI."""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from typer.core import TyperGroup
from typer.main import get_command

from ops.cli.main import make_app
from tests.test_docs import ROOT, WRITTEN, written

TEXTS = {page.relative_to(ROOT).as_posix(): written(page) for page in WRITTEN if page.name != "CHANGELOG.md"}
"""The text of every page but the changelog, which names what is gone, too."""

COMMAND = get_command(make_app())
SCRIPTS = json.loads((ROOT / "package.json").read_text())["scripts"]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

OF_EVERY_COMMAND = {"query", "output", "region", "profile"}
OF_THE_CLI = ("configure", "sso login", "s3 rb", "s3 cp", "logs tail", "cloudformation deploy", "wait")
"""What the AWS CLI has of its own: no operation of an API."""

RENAMED = {"notification-endpoint": "endpoint"}
"""Parameters with another name in the AWS CLI, because --endpoint-url is its own: sns subscribe."""


def pieces(text: str) -> Iterator[str]:
    """What a reader of a page may type: blocks of shell, and spans of code."""
    yield from (block.replace("\\\n", " ") for language, block in FENCE.findall(text) if language in ("", "bash"))
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def starting_with(text: str, *words: str) -> list[list[str]]:
    """The words after these, in each command that has them."""
    pattern = re.compile(rf"(?:^|[\s(/]){re.escape(' '.join(words))}\s+([^#|]*)")
    commands = [command for piece in pieces(text) for command in re.split(r"\n|&&", piece)]
    return [found[1].split() for command in commands if (found := pattern.search(command))]


def aws_commands(text: str) -> Iterator[list[str]]:
    """The words after ``aws``, without what a shell or a quotation adds."""
    for piece in pieces(text):
        unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "VALUE", piece)
        for found in re.findall(r"(?:^|[\s(])aws ((?!-)[a-z0-9]+ [a-z][a-z-]+[^\n)|>]*)", unquoted, re.MULTILINE):
            yield found.split()


def unknown_options(words: list[str]) -> set[str]:
    """The options of a subcommand that it does not have; the subcommand itself where there is none."""
    command: Any = COMMAND
    while isinstance(command, TyperGroup) and words and words[0].isalpha():
        if words[0] not in command.commands:
            return {words[0]}
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return {word for word in words if re.match(r"--\w", word)} - known - {"--help"}


def test_every_npm_script_on_a_page_exists() -> None:
    found = {page: {words[0] for words in starting_with(text, "npm", "run") if words} for page, text in TEXTS.items()}

    assert {page: gone for page, names in found.items() if (gone := names - SCRIPTS.keys() - {"--silent"})} == {}


def test_every_subcommand_on_a_page_exists_with_its_options() -> None:
    found = [
        (page, words) for page, text in TEXTS.items() for words in starting_with(text, "darkroom") if words[0].isalpha()
    ]

    assert [(page, words, gone) for page, words in found if (gone := unknown_options(words))] == []


def test_every_command_of_the_aws_cli_on_a_page_is_an_operation_with_such_parameters() -> None:
    session = botocore.session.get_session()
    for words in aws_commands("\n\n".join(TEXTS.values())):
        if any(" ".join(words).startswith(own) or own == words[1] for own in OF_THE_CLI):
            continue
        service, operation, *rest = words
        model = session.get_service_model("s3" if service == "s3api" else service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        shape = model.operation_model(operations[operation]).input_shape
        known = {xform_name(name, "-") for name in shape.members} if shape else set()
        given = {word.removeprefix("--") for word in rest if word.startswith("--")}

        assert {RENAMED.get(name, name.removeprefix("no-")) for name in given} - OF_EVERY_COMMAND <= known, words


def test_the_pages_have_commands_of_each_kind() -> None:
    text = "\n\n".join(TEXTS.values())

    assert len(starting_with(text, "npm", "run")) > 30
    assert len(starting_with(text, "darkroom")) > 100
    assert len(list(aws_commands(text))) > 25
    assert (ROOT / "bin" / "darkroom").stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("dlq groups --stage prod", set()),
        ("dlq redrive --cause X --canaries 2", {"--canaries"}),
        ("audit --keep-orphans --delete-orphans", set()),
        ("dlq burn", {"burn"}),
        ("reprocess --stage prod", {"reprocess"}),
    ],
)
def test_a_subcommand_or_an_option_that_is_gone_is_found(line: str, unknown: set[str]) -> None:
    assert unknown_options(line.split()) == unknown
