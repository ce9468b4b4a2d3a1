"""Run it and show what came of it: ``python -m tests.events --images 20000``."""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.events.judgment import Judgment
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
    return 1 if any(tally.judgment.faults for tally in tallies) else 0


def show(tallies: Sequence[Tally]) -> None:
    table = Table(title=f"{len(tallies):,} runs of {tallies[0].images:,} images")
    table.add_column("what")
    table.add_column("number", justify="right")
    judgments = [tally.judgment for tally in tallies]
    rows = [
        ("changes", sum(tally.changes for tally in tallies)),
        ("batches", sum(tally.batches for tally in tallies)),
        *sorted(sum((tally.injected for tally in tallies), Counter()).items()),
        *rows_of(judgments),
    ]
    for name, number in rows:
        table.add_row(name, f"{number:,}")
    Console().print(table)
    for line in [line for judgment in judgments for line in judgment.faults][:20]:
        print(line)


def rows_of(judgments: Sequence[Judgment]) -> list[tuple[str, int]]:
    """The rows of a table about comparisons of ends and events."""
    ends = sum((judgment.ends for judgment in judgments), Counter[str]())
    lists = {
        "ends without an event": "lost",
        "events without an end": "unknown",
        "events that differ from their end": "wrong",
        "ends or events in another order than they say": "misordered",
    }
    return [
        *((f"ends: {kind}", number) for kind, number in sorted(ends.items())),
        ("events received", sum(judgment.events for judgment in judgments)),
        ("events received again, with the same id", sum(judgment.repeats for judgment in judgments)),
        *((name, sum(len(getattr(judgment, field)) for judgment in judgments)) for name, field in lists.items()),
    ]


if __name__ == "__main__":
    sys.exit(main())
