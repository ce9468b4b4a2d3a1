"""Progress of what has no known end: a line that counts, on standard error, where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ops.terminal import words


@contextmanager
def counting(*names: str) -> Iterator[Callable[..., None]]:
    """Show the numbers that the block gives, one for each name, in their order."""
    console = words()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("")

        def show(*numbers: int) -> None:
            said = ", ".join(f"{number:,} {name}" for name, number in zip(names, numbers, strict=True))
            progress.update(task, description=said)

        yield show
