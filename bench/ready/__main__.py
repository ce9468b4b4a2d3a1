"""The command `python -m bench.ready`: measure batches, run the virtual clock with them, and write the table."""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import page
from bench.machine import machine, sentence
from bench.pipeline import originals
from bench.pipeline.doubles import Doubles
from bench.processes import pin
from bench.ready.clock import Mapped, Stages, run
from bench.ready.stages import STAGES, Environment, live, measured
from bench.runner import PROJECT
from ops.cli.settings import function_of, parameters

CORE: Final = 1  # of the doubles
FOLDER: Final = PROJECT / ".cache" / "bench-pipeline"
KINDS: Final = ("small", "12 MP")
RATE: Final = 10.0  # uploads a second
STEADY: Final = 6_000  # images
WARM_UP: Final = 600  # of them, which meet new environments and are not counted
BURST: Final = 10_000
MANY: Final = 1_000  # the most that maximumConcurrency may be
PERCENTILES: Final = (50, 95, 99)


def main() -> None:
    """Measure, print, and with ``--write`` write the table into the page."""
    options = _parse()
    pin(CORE)
    before = machine()
    pictures = originals.prepare(FOLDER)
    with Doubles(pictures, FOLDER) as doubles:
        doubles.latency = options.latency / 1000
        tables = [_table(kind, doubles, pictures, options) for kind in KINDS if options.only in kind]
    about = f"{sentence(before, machine())} S3 answers after {options.latency} ms, the others after a tenth."
    text = "\n\n".join([about, *tables])
    print(text)
    if options.write:
        page.write("bench.ready", text)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ready", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measured batches of each size (15)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--latency", type=int, default=50, help="S3's, in ms (50)")
    parser.add_argument("--live", type=int, default=600, help="images of the run in real time; 0 skips it (600)")
    parser.add_argument("--json", metavar="FILE", help="write the stages of every image to this file")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    return parser.parse_args()


def _table(kind: str, doubles: Doubles, pictures: dict[str, bytes], options: argparse.Namespace) -> str:
    """Measure one class, and return its table."""
    function, window = function_of(None), float(parameters()["window"])
    sizes = sorted({1, 2, 4, max(1, function.batch // 2), function.batch})
    with Environment(doubles, pictures, kind, function.batch) as environment:
        batches = measured(environment, sizes, options.rounds)
        found = {}
        if options.live:
            found[f"{RATE:.0f} a second, live"] = list(
                live(environment, rate=RATE, count=options.live, batch=function.batch)
            )
        cold = environment.cold
    steady = [number / RATE for number in range(STEADY)]
    mapped = Mapped(function.batch, window, function.concurrency)
    found[f"{RATE:.0f} a second"] = run(steady, mapped, batches, cold)[WARM_UP:]
    for concurrency in (function.concurrency, MANY):
        mapped = Mapped(function.batch, window, concurrency)
        found[f"{BURST:,} at once, {concurrency:,} environments"] = run([0.0] * BURST, mapped, batches, cold)
    if options.json:
        Path(f"{options.json}.{kind}").write_text(json.dumps(found))
    print(f"{kind}: measured", file=sys.stderr)
    return page.table([f"{kind}, ms: 50th, 95th, 99th percentile", *found], list(rows(found)))


def rows(found: dict[str, list[Stages]]) -> list[list[str]]:
    """A row for each stage, and one for all of them."""
    named = {name: [[image[name] for image in images] for images in found.values()] for name in STAGES}
    named["**ready**"] = [[sum(image.values()) for image in images] for images in found.values()]
    return [[name, *(_cell(values) for values in columns)] for name, columns in named.items()]


def _cell(seconds: Sequence[float]) -> str:
    cuts: list[Any] = statistics.quantiles(seconds, n=100, method="inclusive")
    return ", ".join(f"{cuts[each - 1] * 1000:,.0f}" for each in PERCENTILES)


if __name__ == "__main__":
    main()
