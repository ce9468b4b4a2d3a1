"""How every command prints: data on standard output; sentences and progress on standard error."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

NARROWEST = 110  # columns, where the output is no terminal

CONTROLS: Final = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


class PlainConsole(Console):
    """Prints text without its control characters: an object's key may have some that steer a terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(text.translate(CONTROLS), style)


def stderr() -> Console:
    """For sentences and progress."""
    return PlainConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)


def stdout() -> Console:
    """For tables; wide enough for them where it is no terminal."""
    console = PlainConsole(highlight=False, markup=False)
    if console.is_terminal:
        return console
    return PlainConsole(highlight=False, markup=False, width=max(console.width, NARROWEST))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """A table without lines; the columns named in ``right`` hold numbers. Cells are shown as they are."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


def print_json(value: Any) -> None:
    """One JSON document on standard output; what JSON does not know is written as text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


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
