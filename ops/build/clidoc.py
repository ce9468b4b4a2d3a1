"""Writes docs/cli.md from the help of every command: ``python -m ops.build.clidoc --write``; a test compares them.

The help is rendered as plain text of a fixed width, so that the page does not depend on whose terminal it was.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from typer.main import get_command

from ops.build.generated import print_or_write
from ops.cli.checkout import ROOT
from ops.cli.main import make_app

PAGE: Final = ROOT / "docs" / "cli.md"
NAME: Final = "darkroom"
WIDTH: Final = 100
REGENERATE: Final = "python -m ops.build.clidoc --write"
HEAD: Final = f"""\
# The darkroom command

Each command's help, as `{NAME} COMMAND --help` prints it. In a clone, `bin/darkroom COMMAND` runs it, from any folder;
put `bin` on your `PATH`, or a link to it. `npm run darkroom -- COMMAND` does the same and prints npm's banner on
standard output first: for JSON use `bin/darkroom`, or `npm run --silent darkroom -- COMMAND`.

`pipx install .` or `uv tool install .` installs `{NAME}` alone, on Linux or macOS with Python 3.11 or later, without
Node. It operates any stage from any folder: recipe and parameters come from the stack. `start`, `local`,
`doctor --before` and the stage `local` need a checkout.

Data goes to standard output (`--json` for programs), messages and progress to standard error. Exit codes: 0 done,
1 something failed, was left undone, or was not found, 2 usage error, 130 interrupted (Ctrl-C, SIGTERM, or a closed
terminal), but 0 where a command runs until Ctrl-C. The permissions of each command are in
[operating.md](operating.md#permissions).

In a pipe or a file, each row of a table is one line. On a terminal, text is wrapped between words, long keys get their
own line, and omitted columns are named. Times are in UTC. A control character in a
key is shown as an escape, such as `\\x1b` or `\\u202e`.

This page is generated: `{REGENERATE}`.
"""


def page() -> str:
    """The whole page."""
    commands = list(_commands(get_command(make_app()), (NAME,)))
    contents = [f"- [`{' '.join(path)}`](#{'-'.join(path)}): {_first_sentence(command)}" for path, command in commands]
    sections = [f"## {' '.join(path)}\n\n```text\n{_help(path, command)}\n```" for path, command in commands]
    return "\n\n".join([HEAD.rstrip(), "\n".join(contents), *sections]) + "\n"


def _commands(group: Any, path: Sequence[str]) -> Iterator[tuple[Sequence[str], Any]]:
    """Every command below a group, in the order of the help; a group stands before its own."""
    for name, command in group.commands.items():
        below = (*path, name)
        yield below, command
        if hasattr(command, "commands"):
            yield from _commands(command, below)


def _help(path: Sequence[str], command: Any) -> str:
    command.rich_markup_mode = None  # plain text, without boxes
    context = command.context_class(command, info_name=" ".join(path), terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())


def _first_sentence(command: Any) -> str:
    return " ".join(str(command.help).strip().split("\n\n")[0].split()).rstrip(".")


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with no arguments print it."""
    return print_or_write(arguments, usage=REGENERATE, shown=page, files={PAGE: page})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
