"""A folder of any files through the consumer's renderers: ``python -m bench.folder FOLDER... [--json]``.

Prints the files by outcome and by reason, the slowest and the largest ones. Each file is rendered with recipe.toml, in
child processes within the function's limits; nothing is written.
"""

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from processing.errors import DarkroomError, RenderBug
from processing.recipe import Recipe, load
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget, capacity

PROJECT = Path(__file__).parents[1]
MEMORY = 1769  # of the function, in megabytes
TRY_SECONDS = 30.0
SHOWN = 5
NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Outcome:
    """What came of one file; ``reason`` is the error's message, or what is lost."""

    path: str
    megabytes: float
    seconds: float
    outcome: str
    reason: str


def files(folders: Iterable[Path]) -> list[Path]:
    """Every file in the folders, and the files that are named themselves."""
    found = (path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*")))
    return sorted(path for path in found if path.is_file())


def outcomes(paths: Iterable[Path], recipe: Recipe) -> Iterator[Outcome]:
    """Render one file after the other; the renderer is replaced where one crashes or hangs."""
    room = capacity(MEMORY)
    renderer = Renderer(Children(recipe, environ=os.environ, kept=room.kept))
    budget = TimeBudget(TRY_SECONDS)
    with closing(Renderers([renderer], recipe, memory=MemoryBudget(room.rendering), budget=budget)) as renderers:
        for path in paths:
            data, started = path.read_bytes(), time.perf_counter()
            try:
                outcome, reason = "rendered", ", ".join(renderers.render(data, recipe).lost)
            except (DarkroomError, RenderBug) as error:
                outcome, reason = getattr(error, "cause", "a bug"), str(error)
            yield Outcome(str(path), len(data) / 1e6, time.perf_counter() - started, outcome, reason)


def by_reason(results: Iterable[Outcome]) -> Counter[tuple[str, str]]:
    """The files of each outcome and reason; reasons that differ in numbers alone count as one."""
    return Counter((each.outcome, NUMBER.sub("N", each.reason)) for each in results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 when a bug was found, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.folder", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folders, or single files")
    parser.add_argument("--json", action="store_true", help="print one JSON line for each file")
    options = parser.parse_args(arguments)
    recipe = load((PROJECT / "recipe.toml").read_text(encoding="utf-8"))
    paths = files(options.folders)
    progress = track(outcomes(paths, recipe), total=len(paths), console=Console(stderr=True), description="files")
    results = list(progress)
    if options.json:
        print("\n".join(json.dumps(asdict(each)) for each in results))
    else:
        _show(results)
    return 1 if any(each.outcome == "a bug" for each in results) else 0


def _show(results: Sequence[Outcome]) -> None:
    console = Console()
    counts = Table(title=f"{len(results):,} files")
    for name, side in (("outcome", "left"), ("reason, or what is lost", "left"), ("files", "right")):
        counts.add_column(name, justify="right" if side == "right" else "left")
    for (outcome, reason), count in by_reason(results).most_common():
        counts.add_row(outcome, reason, f"{count:,}")
    console.print(counts)
    for title, measure in (("slowest", lambda each: each.seconds), ("largest", lambda each: each.megabytes)):
        table = Table("file", "outcome", "s", "MB", title=title)
        for each in sorted(results, key=measure, reverse=True)[:SHOWN]:
            table.add_row(each.path, each.outcome, f"{each.seconds:.2f}", f"{each.megabytes:.1f}")
        console.print(table)


if __name__ == "__main__":
    sys.exit(main())
