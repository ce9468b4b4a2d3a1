"""How every command prints: data on standard output; sentences and progress on standard error.

An object's key may have any character: such that steer a terminal, or that show the text after them in another order.
They are shown as escapes (``\\x1b``, ``\\u202e``), so that a key stays whole and can be recognized. A ``str`` that a
command prints is one line; what is meant to have several is printed as `ops.cli.tables.lines`.
"""

import errno
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text, for programs.")]
Yes = Annotated[
    int | None, typer.Option("--yes", metavar="COUNT", help="Skip the prompt; proceed only if the count matches.")
]
NameOption = Annotated[str, typer.Option("--stage", envvar="DARKROOM_STAGE", help="Name of the deployed stage.")]
NoneOption = Annotated[str | None, typer.Option("--stage", help="Name of a deployed stage.", show_default="none")]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="AWS region.", show_default="AWS_REGION, or the profile's")
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="AWS profile.", show_default="the environment's")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]

BIDI: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Marks that change the direction of what follows: https://www.unicode.org/reports/tr9/#Directional_Formatting_Codes"""
CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), *BIDI, 0x2028, 0x2029)
NAMED: Final = {ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
ESCAPES: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in CONTROLS} | NAMED
ESCAPES_OF_LINES: Final = {code: escape for code, escape in ESCAPES.items() if code != ord("\n")}
OF_THE_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
JSON_ESCAPES: Final = {code: f"\\u{code:04x}" for code in CONTROLS if code >= 0x7F}
"""Those that JSON lets stand in a string; it escapes the others itself."""


class PlainConsole(Console):
    """Prints text as it is, without markup, emoji codes and wrapping; what steers a terminal as an escape."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a ``str`` is one line, whatever it says."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(text.translate(ESCAPES_OF_LINES), style)


@contextmanager
def written_out() -> Iterator[None]:
    """At the end, what was printed is written, or one line says why not: exit code 1.

    Python itself writes it as late as its own end, and has an exit code of its own for that.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, *OF_THE_DISK):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is left, which Python tries once more
        if error.errno != errno.EPIPE:  # whoever read the output has enough
            stderr().print(f"darkroom: cannot write {error.filename or 'the output'}: {error.strerror}")
        sys.exit(1)


def stderr() -> Console:
    """For sentences and progress."""
    return PlainConsole(stderr=True)


def stdout() -> Console:
    """For tables and facts."""
    return PlainConsole()


def make_printable() -> None:
    """Let standard output and error take every character: what their encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """One JSON document on standard output; what JSON does not know is written as text."""
    encoding = str(getattr(sys.stdout, "encoding", "") or "utf-8").lower().replace("_", "-")
    typer.echo(to_json(value, indent=2, ascii_only=encoding not in ("utf-8", "utf8")))


@contextmanager
def counting(*names: str) -> Iterator[Callable[..., None]]:
    """Show on a terminal the numbers that the block passes on, one for each name, in their order."""
    console = stderr()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("")

        def show(*numbers: int) -> None:
            counts = ", ".join(f"{number:,} {name}" for name, number in zip(names, numbers, strict=True))
            progress.update(task, description=counts)

        yield show


def ask_number(question: str, *, otherwise: str) -> int:
    """A number that is typed; where there is no answer, ``otherwise`` says what that leaves.

    Raises:
        Abort: there is no answer: Ctrl-D, or nothing to read from.
        KeyboardInterrupt: Ctrl-C, which typer takes for the same.
    """
    try:
        return int(typer.prompt(question, type=int, err=True))
    except typer.Abort as abort:
        stderr().print()  # the question's line has no end
        stderr().print(f"No answer: {otherwise}.")
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise abort.__context__ from None
        raise


def visible(text: str) -> str:
    """One line of text, with an escape for each character that steers a terminal, newlines among them."""
    return text.translate(ESCAPES)


def quoted(text: str) -> str:
    """A word of a suggested shell command; one with control characters as ``$'...'``, which bash, zsh and ksh read."""
    if not any(ord(character) in ESCAPES for character in text):
        return shlex.quote(text)
    return "$'" + "".join(map(_in_ansi_c, text)) + "'"


def to_json(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """A JSON document that steers no terminal; what JSON does not know is written as text."""
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=str).translate(JSON_ESCAPES)


def many(count: int, noun: str, plural: str = "") -> str:
    """So many of something: "1 message", "2,000 messages"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def moment(at: float | datetime | str) -> str:
    """A time in UTC, as people read it: of seconds since the epoch, a datetime, or ISO text; empty for none.

    What is no time is returned as it is: whoever wrote a record may have written anything.
    """
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at) if at else 0.0
        except ValueError:
            return str(at)
    if not isinstance(at, datetime):
        at = datetime.fromtimestamp(at, UTC) if at else datetime.min
    return "" if at == datetime.min else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def age(seconds: float) -> str:
    """How long ago, for people, in the unit that is exact enough."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _in_ansi_c(character: str) -> str:
    """A character within ``$'...'``; bytes, since a shell reads code points by its locale."""
    if ord(character) in ESCAPES:
        return "".join(f"\\x{byte:02x}" for byte in character.encode())
    return f"\\{character}" if character in "\\'" else character
