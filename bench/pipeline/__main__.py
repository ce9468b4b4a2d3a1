"""The command: `python -m bench.pipeline`, which measures everything and writes the tables and the plots."""

import argparse
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.pipeline import originals
from bench.pipeline.consumers import WAYS
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import PROJECT, Consumer, Run, Turns

CORE = 1
LATENCIES = (0, 30, 50, 80)
BATCH = 10


def main() -> None:
    asked = _parse()
    if CORE in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {CORE})  # the doubles answer on another core than the consumers'
    folder = Path(asked.folder)
    pictures = originals.prepare(folder)
    with ExitStack() as stack:
        doubles = stack.enter_context(Doubles(pictures, folder))
        consumers = {way: stack.enter_context(Consumer(way, doubles, folder)) for way in WAYS}
        turns = Turns(consumers, doubles, pictures)
        cells = {}
        for kind in ("small", "12 MP", "mixed"):
            if asked.only and asked.only not in kind:
                continue
            turns.warm(kind)
            cells[kind] = {}
            for latency in asked.latency:
                rounds = [turns.round(kind, latency / 1000, turn=turn) for turn in range(asked.rounds)]
                cells[kind][latency] = rounds
                say(kind, latency, rounds)


def say(kind: str, latency: int, rounds: list[dict[str, Run]]) -> None:
    print(f"{kind}, {latency} ms", file=sys.stderr)
    for way in WAYS:
        runs = [r[way] for r in rounds]
        wall = statistics.median(r.wall for r in runs) / BATCH
        cpu = statistics.median(r.cpu for r in runs) / BATCH
        beyond = statistics.median(r[way].cpu - r["engine"].cpu for r in rounds) / BATCH
        print(
            f"  {way:10} {1 / wall:6.1f} img/s, cpu {cpu * 1000:6.1f} ms, beyond {beyond * 1000:5.1f} ms,"
            f" {runs[-1].megabytes:.0f} MB, {dict(runs[0].requests)}",
            file=sys.stderr,
        )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="batches of each class, latency and consumer (9)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--latency", type=int, nargs="*", default=LATENCIES, help="ms of a call to S3")
    parser.add_argument("--folder", default=str(PROJECT / ".cache" / "bench-pipeline"), help="where originals are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
