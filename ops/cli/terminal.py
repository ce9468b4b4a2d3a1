"""How every command prints: data on standard output; sentences and progress on standard error."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from ops.cli.text import ESCAPES_OF_LINES, to_json, visible

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


class PlainConsole(Console):
    """Prints text as it is, without markup, emoji codes and wrapping; what steers a terminal as in `ops.cli.text`."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a ``str`` is one line, whatever it says."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(text.translate(ESCAPES_OF_LINES), style)


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
