"""The command: `python -m bench.pipeline`, which measures everything and writes the tables and the plots."""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.pipeline import originals, report
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.growth import grow
from bench.pipeline.machine import machine
from bench.pipeline.measure import BESIDE, COMPARED, ENGINE, PROJECT, Consumer, Turns

CORE = 1  # of the doubles; the consumers have another
LATENCIES = (0, 30, 50, 80)
KINDS = ("small", "12 MP", "mixed")


def main() -> None:
    asked = _parse()
    results = json.loads(Path(asked.report).read_text()) if asked.report else _measured(asked)
    text = report.text(results)
    print(text)
    if asked.json:
        Path(asked.json).write_text(json.dumps(results))
    if asked.write:
        report.write(text, results, PROJECT / "docs")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="batches of each class, latency and consumer (9)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--latency", type=int, nargs="*", default=LATENCIES, help="ms of a call to S3 (0 30 50 80)")
    parser.add_argument("--growth", type=int, default=10_000, help="messages for the growth; 0 leaves it out (10,000)")
    parser.add_argument("--beside", help="measure our consumer at this commit, too")
    parser.add_argument("--folder", default=str(PROJECT / ".cache" / "bench-pipeline"), help="where originals are kept")
    parser.add_argument("--json", help="write every figure to this file")
    parser.add_argument("--report", help="measure nothing: take the figures of this file, which --json wrote")
    parser.add_argument("--write", action="store_true", help="write the tables and the plots to docs/")
    return parser.parse_args()


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    if CORE in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {CORE})
    folder = Path(asked.folder)
    pictures = originals.prepare(folder)
    kinds = [kind for kind in KINDS if asked.only in kind]
    about = machine()
    with Doubles(pictures, folder) as doubles:
        cells = _side_by_side(asked, kinds, doubles, pictures)
        growth = grow(doubles, pictures, folder, asked.growth) if asked.growth else {}
    return {"before": about, "after": machine(), "cells": cells, "growth": growth, "beside": asked.beside}


def _side_by_side(
    asked: argparse.Namespace, kinds: list[str], doubles: Doubles, pictures: dict[str, bytes]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Every run, by class and latency: a list of rounds, in each of which every consumer had the same batch."""
    cells: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with ExitStack() as stack:
        code = dict.fromkeys((*COMPARED, ENGINE), PROJECT)
        if asked.beside:
            code[BESIDE] = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            export(asked.beside, code[BESIDE])
        consumers = {
            way: stack.enter_context(Consumer(way, doubles, Path(asked.folder), folder)) for way, folder in code.items()
        }
        turns = Turns(consumers, doubles, pictures)
        for kind in kinds:
            turns.warm(kind)
            cells[kind] = {}
            for latency in asked.latency:
                rounds = [turns.round(kind, latency / 1000, turn=turn) for turn in range(asked.rounds)]
                cells[kind][str(latency)] = [{way: asdict(run) for way, run in each.items()} for each in rounds]
                print(report.brief(kind, latency, cells[kind][str(latency)]), file=sys.stderr)
    return cells


if __name__ == "__main__":
    main()
