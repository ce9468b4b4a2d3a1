"""Run it and show what came of it: ``python -m tests.chaos --images 500``."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.result import Result
from tests.chaos.run import Chaos
from tests.events.__main__ import rows_of


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when all agrees in the end, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work-dir", type=Path, help="where logs are kept; a temporary folder if not given")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="darkroom-chaos-") as folder:
        chaos = Chaos(
            images=options.images,
            seed=options.seed,
            work_dir=options.work_dir or Path(folder),
            progress=lambda line: print(line, file=sys.stderr),
        )
        result = chaos.run()
    if options.json:
        json.dump(asdict(result), sys.stdout, indent=2)
    else:
        show(result)
    return 1 if result.disagreements else 0


def show(result: Result) -> None:
    table = Table(title=f"{result.objects:,} objects, {result.messages:,} messages, {result.seconds:.0f} s")
    table.add_column("what")
    table.add_column("number", justify="right")
    rows = [
        *sorted(result.injected.items()),
        ("messages delivered to the function", result.deliveries),
        *((f"objects that end {status}", number) for status, number in sorted(result.statuses.items())),
        ("redriven dead letters of images that were not rejected", result.redriven),
        *((f"their receives: {became}", number) for became, number in sorted(result.used_up.items())),
        ("lost", len(result.lost)),
        ("stale", len(result.stale)),
        (f"wrong pictures, of {result.compared:,} compared byte by byte", len(result.wrong)),
        ("duplicated effect", len(result.twice)),
        ("delivered too soon", len(result.too_soon)),
        *rows_of([result.announced]),
        ("objects whose latest event does not match the uploads bucket", len(result.untrue)),
    ]
    for name, number in rows:
        table.add_row(name, f"{number:,}")
    Console().print(table)
    for line in result.disagreements[:40]:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
