"""Play many histories of the consumer under faults: ``python -m tests.simulation --histories 200000``.

A history that broke a rule is told in full by ``--seed``.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.simulation.campaign import Report, run_side_by_side
from tests.simulation.histories import play
from tests.simulation.invariants import violations


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when no history broke a rule, 1 when one did, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--most-faults", type=int, default=3, help="injected in one history")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="tell this one history, step by step")
    parser.add_argument("--erasing", action="store_true", help="with erasures, and removals on or off")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    if options.seed is not None:
        return _tell(options.seed, options.most_faults, erasing=options.erasing)
    seeds = range(options.first, options.first + options.histories)
    report = Report()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("histories", total=options.histories)
        given = {"workers": options.workers, "most_faults": options.most_faults, "erasing": options.erasing}
        for report in run_side_by_side(seeds, **given):
            progress.update(task, completed=report.histories)
    if options.json:
        json.dump(vars(report), sys.stdout, indent=2)
    else:
        _show(report)
    return 1 if report.broken else 0


def _tell(seed: int, most_faults: int, *, erasing: bool) -> int:
    world = play(seed, most_faults=most_faults, erasing=erasing)
    found = violations(world)
    print("\n".join(world.history))
    print("\n".join(found) or "every rule held")
    return 1 if found else 0


def _show(report: Report) -> None:
    table = Table(title=f"{report.histories:,} histories, {report.requests:,} requests")
    table.add_column("what")
    table.add_column("times", justify="right")
    for name, times in sorted(report.faults.items()):
        table.add_row(str(name), f"{times:,}")
    for status, times in sorted(report.ends.items()):
        table.add_row(f"versions that ended {status}", f"{times:,}")
    if report.erased:
        table.add_row("erasures that ended", f"{report.erased:,}")
    table.add_row("violations", f"{len(report.broken):,}", style="bold")
    Console().print(table)
    for seed, found in list(report.broken.items())[:20]:
        print(f"seed {seed}: {'; '.join(found)}")


if __name__ == "__main__":
    sys.exit(main())
