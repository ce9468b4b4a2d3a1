"""The command `python -m bench.pipeline`: measure everything, and write the tables and the plots."""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.pipeline import originals, report
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.growth import grow
from bench.pipeline.measure import BESIDE, CONSUMERS, ENGINE, Batches, Consumer
from bench.processes import pin
from bench.runner import PROJECT

CORE = 1  # of the doubles; the consumers run on another
LATENCIES = (0, 30, 50, 80)
KINDS = ("small", "12 MP", "mixed")
FOLDER = PROJECT / ".cache" / "bench-pipeline"


def main() -> None:
    options = _parse()
    results = json.loads(Path(options.report).read_text()) if options.report else _measure(options)
    text = report.text(results)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(results))
    if options.write:
        report.write(text, results)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="batches of each class, latency and consumer (9)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--latency", type=int, nargs="*", default=LATENCIES, help="S3's latency in ms (0 30 50 80)")
    parser.add_argument("--growth", type=int, default=10_000, help="messages for the growth; 0 skips it (10,000)")
    parser.add_argument("--beside", metavar="COMMIT", help="measure our consumer at this commit, too")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--report", metavar="FILE", help="measure nothing: read the figures that --json wrote")
    parser.add_argument("--write", action="store_true", help="write the tables and the plots to docs/")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    pin(CORE)
    pictures = originals.prepare(FOLDER)
    before = machine()
    with Doubles(pictures, FOLDER) as doubles:
        cells = _side_by_side(options, doubles, pictures)
        growth = grow(doubles, pictures, FOLDER, options.growth) if options.growth else {}
    return {"before": before, "after": machine(), "cells": cells, "growth": growth, "beside": options.beside}


def _side_by_side(
    options: argparse.Namespace, doubles: Doubles, pictures: dict[str, bytes]
) -> dict[str, dict[str, list[report.Round]]]:
    """Return the rounds of every class and latency."""
    cells: dict[str, dict[str, list[report.Round]]] = {}
    with ExitStack() as stack:
        code = dict.fromkeys((*CONSUMERS, ENGINE), PROJECT)
        if options.beside:
            code[BESIDE] = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            export(options.beside, code[BESIDE])
        consumers = {way: stack.enter_context(Consumer(way, doubles, FOLDER, at)) for way, at in code.items()}
        batches = Batches(consumers, doubles, pictures)
        for kind in (kind for kind in KINDS if options.only in kind):
            cells[kind] = {}
            for latency in options.latency:
                runs = batches.rounds(kind, latency=latency / 1000, count=options.rounds)
                rounds = [{way: asdict(run) for way, run in each.items()} for each in runs]
                cells[kind][str(latency)] = rounds
                print(report.brief(kind, latency, rounds), file=sys.stderr)
    return cells


if __name__ == "__main__":
    main()
