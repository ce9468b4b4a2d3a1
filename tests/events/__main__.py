"""Run it and show what came of it: ``python -m tests.events --images 20000``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.events.rehearsal import Rehearsal, Tally


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when every end has its event, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.events", description=__doc__)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--runs", type=int, default=20, help="each with another seed")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    options = parser.parse_args(argv)
    logging.getLogger("darkroom").addHandler(logging.NullHandler())  # or each refusal is a line
    tallies = [Rehearsal(options.images, options.seed + number).run() for number in range(options.runs)]
    show(tallies)
    return 1 if any(tally.lost or tally.wrong for tally in tallies) else 0


def show(tallies: Sequence[Tally]) -> None:
    table = Table(title=f"{len(tallies):,} runs of {tallies[0].images:,} images")
    table.add_column("what")
    table.add_column("number", justify="right")
    for name in ("changes", "batches", "taken"):
        table.add_row(
            {"taken": "events that the bus took"}.get(name, name), f"{sum(getattr(t, name) for t in tallies):,}"
        )
    for name in ("ends", "injected"):
        for what in sorted({key for tally in tallies for key in getattr(tally, name)}):
            table.add_row(what, f"{sum(getattr(tally, name)[what] for tally in tallies):,}")
    for name in ("lost", "wrong"):
        table.add_row(name, f"{sum(len(getattr(tally, name)) for tally in tallies):,}")
    Console().print(table)
    for line in [line for tally in tallies for line in (*tally.lost, *tally.wrong)][:20]:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
