"""Commands over a million objects and over a tenth of them, each in a fresh process; and killed and gone on with.

``python -m bench.million [--count N] [--only TEXT] [--write]``. Memory is by how much the process's peak is above what
it had when the command began. "Held at once" counts the keys, or the bodies of messages, that live at the same time.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench import page
from bench.machine import machine, sentence
from bench.million.doubles import ADDRESS, REMOVED, THOUSAND, Marks
from bench.runner import PROJECT

MILLION: Final = 1_000_000
FINDINGS: Final = 6  # of every thousand: no record, not done, a missing variant, three orphans
KILLS: Final = 4
PLACE: Final = "FOLDER"
CHECKPOINT: Final = ("--checkpoint", f"{PLACE}/checkpoint")
CASES: Final[dict[str, tuple[str, ...]]] = {
    "backfill": ("backfill", *CHECKPOINT),
    "backfill of an inventory": ("backfill", ADDRESS, *CHECKPOINT),
    "backfill --missing": ("backfill", "--missing", *CHECKPOINT),
    "audit": ("audit", "--out", f"{PLACE}/findings", *CHECKPOINT),
    "dlq redrive --all": ("dlq", "redrive", "--all"),
    "dlq groups": ("dlq", "groups"),
    "dlq list": ("dlq", "list"),
    "dlq export": ("dlq", "export", "--out", f"{PLACE}/messages"),
}
KILLED: Final = ("backfill", "backfill of an inventory", "audit", "dlq redrive --all")
HEAD: Final = ("command", "objects", "CPU s", "CPU us an object", "wall s", "peak MB", "held at once", "requests")
HEAD_KILLED: Final = ("killed and gone on with", "objects", "kills", "skipped", "twice")


def command(case: str, count: int, folder: Path) -> list[str]:
    """What runs a case in a process of its own."""
    arguments = [each.replace(PLACE, str(folder)) for each in CASES[case]]
    return [sys.executable, "-m", "bench.million.measure", str(count), str(folder), *arguments]


def measured(case: str, count: int) -> dict[str, Any]:
    """The figures of a case."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command(case, count, Path(folder)), cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(case: str, count: int, found: dict[str, Any]) -> list[str]:
    """The cells of a case."""
    requests = sum(found["requests"].values())
    cpu, seen = found["cpu"], found["seen"]
    figures = f"{cpu:,.0f}", f"{cpu / seen * 1e6:,.0f}", f"{found['seconds']:,.0f}", f"{found['peak_mb']:,.0f}"
    return [case, f"{count:,}", *figures, f"{found['most']:,}" if found["most"] else "-", f"{requests:,}"]


def killed(case: str, count: int, seconds: float, rng: random.Random) -> dict[str, int]:
    """Kill a case at random moments of its seconds, then let it end; how much was skipped, and how much came twice."""
    with tempfile.TemporaryDirectory() as name:
        folder, kills = Path(name), 0
        for _ in range(KILLS):
            with subprocess.Popen(command(case, count, folder), cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
                time.sleep(rng.uniform(0.2, 1) * seconds / 2)
                kills += process.poll() is None
                process.kill()
        subprocess.run(command(case, count, folder), cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
        times = _times(case, folder, count)
    return {"kills": kills, "skipped": times.count(0), "twice": sum(each > 1 for each in times)}


def _times(case: str, folder: Path, count: int) -> list[int]:
    """How often each object that is there was sent, or each finding written."""
    if case != "audit":
        sent = Marks(folder / "sent", count).bytes[:]
        return [times for number, times in enumerate(sent) if case != "backfill" or number % THOUSAND != REMOVED]
    lines = [json.loads(line) for line in (folder / "findings").read_text(encoding="utf-8").splitlines()]
    found = Counter((line["what"], line["key"]) for line in lines)
    return [*found.values(), *[0] * (count // THOUSAND * FINDINGS - len(found))]


def rows(count: int, only: str, jobs: int) -> Iterator[list[str]]:
    """Yield the cells of every case, of a tenth and of all."""
    wanted = [(case, number) for case in CASES if only in case for number in (count // 10, count)]
    with ThreadPoolExecutor(jobs) as pool:
        for (case, number), found in zip(wanted, pool.map(lambda each: measured(*each), wanted), strict=True):
            cells = row(case, number, found)
            print(" | ".join(cells), flush=True)
            yield cells


def killed_rows(count: int, only: str, jobs: int) -> Iterator[list[str]]:
    """Yield the cells of every case that is killed."""
    wanted = [case for case in KILLED if only in case]

    def kill(case: str) -> dict[str, int]:
        return killed(case, count, measured(case, count)["seconds"], random.Random(case))

    with ThreadPoolExecutor(jobs) as pool:
        for case, found in zip(wanted, pool.map(kill, wanted), strict=True):
            cells = [case, f"{count:,}", *(f"{found[name]:,}" for name in ("kills", "skipped", "twice"))]
            print(" | ".join(cells), flush=True)
            yield cells


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--count", type=int, default=MILLION, help="objects")
    parser.add_argument("--killed", type=int, default=MILLION // 20, help="objects of the commands that are killed")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once; the CPU seconds stay")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    options = parser.parse_args(arguments)
    before = machine()
    ran = list(rows(options.count, options.only, options.jobs))
    ended = list(killed_rows(options.killed, options.only, options.jobs))
    if options.write:
        tables = f"{page.table(HEAD, ran)}\n\n{page.table(HEAD_KILLED, ended)}"
        page.write("bench.million", f"{sentence(before, machine())}\n\n{tables}")


if __name__ == "__main__":
    main()
