"""`darkroom estimate` beside measured batches: the GB-seconds of three classes in batches of three sizes.

``python -m bench.estimate`` runs the consumer of `bench.pipeline` against its doubles, calibrates the estimate's CPU by
the smallest batches of one class, and compares what then follows for all the others with what was measured. Run it on a
quiet machine, and set the constant that it prints. Its consumer has one core, as a function of 1,769 MB; the doubles
have another.
"""

import argparse
import io
import itertools
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from PIL import Image

from bench import page
from bench.machine import machine, sentence
from bench.pipeline import originals
from bench.pipeline.cost import gb_seconds
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import MEMORY, Consumer
from bench.processes import pin
from bench.runner import PROJECT, interleave
from ops.cli.costs import cpu
from ops.cli.costs.batch import FunctionSettings, ImageSeconds, Latency, image_seconds
from ops.cli.costs.encoding import extra_cpu
from ops.cli.costs.requests import first_upload
from ops.cli.recipes import read_recipe

FOLDER: Final = PROJECT / ".cache" / "bench-pipeline"
CORE: Final = 1  # of the doubles; the consumer runs on another
CLASSES: Final[Mapping[str, Sequence[str]]] = {
    "small": originals.BATCHES["small"],
    "12 MP": originals.BATCHES["12 MP"],
    "24 MP": ("huge/0",),
}
"""The originals of each class, which take turns in a batch; the first class calibrates. The mixed class of
`bench.pipeline` has a PNG, and the estimate is of photos."""
BATCHES: Final = (10, 25, 50)
BOUND: Final = 0.1  # by which an estimate may miss
LATENCY: Final = 0.05  # seconds, of S3


@dataclass(frozen=True)
class Cell:
    """Batches of one class and size; ``megapixels`` and ``size`` (bytes) are those of an image on average.

    Args:
        walls: seconds of each measured batch.
        cpus: CPU seconds of each.
    """

    kind: str
    batch: int
    megapixels: float
    size: float
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    @property
    def measured(self) -> float:
        """GB-seconds of a million images."""
        return gb_seconds(batch_seconds=statistics.median(self.walls), batch=self.batch, memory=MEMORY)

    @property
    def cpu(self) -> float:
        """CPU seconds of an image, as measured."""
        return statistics.median(self.cpus) / self.batch

    @cached_property
    def image(self) -> ImageSeconds:
        """What the estimate says of one image, with its constants as they are."""
        recipe = read_recipe()
        return image_seconds(
            self.function,
            first_upload(len(recipe.variants)),
            variants=len(recipe.variants),
            megapixels=self.megapixels,
            original_bytes=self.size,
            encoding=extra_cpu(recipe, self.megapixels),
        )

    @property
    def function(self) -> FunctionSettings:
        """The measured one; the bytes of the doubles come at loopback's speed."""
        return FunctionSettings(MEMORY, batch=self.batch, latency=Latency(LATENCY, bytes_a_second=float("inf")))

    def estimated(self, speed: float) -> float:
        """GB-seconds of a million images, with another `cpu.SPEED`."""
        times, image = speed / cpu.SPEED, self.image
        image = ImageSeconds(image.rendering * times, image.requesting * times, image.waiting)
        return gb_seconds(batch_seconds=self.function.batch_seconds(image), batch=self.batch, memory=MEMORY)


def calibrated(cells: Sequence[Cell]) -> float:
    """What `cpu.SPEED` should be: by the CPU of the first class in its smallest batches."""
    cell = min((each for each in cells if each.kind == cells[0].kind), key=lambda each: each.batch)
    return cpu.SPEED * cell.cpu / cell.image.cpu


def report(results: Mapping[str, Any]) -> str:
    """The constant to set, and the table."""
    cells = [Cell(**each) for each in results["cells"]]
    speed, first = calibrated(cells), cells[0].kind
    head = ["GB-s a million", "measured", "estimate", "estimate to measured", "CPU ms an image", "estimate"]
    return "\n\n".join(
        (
            sentence(results["before"], results["after"]),
            f"Calibrated on {first} in the smallest batches: `SPEED = {speed:.2f}` in ops/cli/costs/cpu.py, which has "
            f"{cpu.SPEED:.2f} now. The estimates are those with {speed:.2f}.",
            page.table(head, [_row(cell, speed) for cell in cells]),
        )
    )


def _row(cell: Cell, speed: float) -> list[str]:
    ratio = cell.estimated(speed) / cell.measured
    return [
        f"{cell.kind}, {cell.batch} a batch",
        f"{cell.measured:,.0f}",
        f"{cell.estimated(speed):,.0f}",
        f"{ratio:.2f}" + (" (falls short)" if abs(ratio - 1) > BOUND else ""),
        f"{cell.cpu * 1000:.1f}",
        f"{cell.image.cpu * 1000 * speed / cpu.SPEED:.1f}",
    ]


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    pin(CORE)
    pictures, before, uploads = originals.prepare(FOLDER), machine(), itertools.count()
    kinds = [kind for number, kind in enumerate(CLASSES) if not number or options.only in kind]
    cells = [_empty(kind, batch, pictures) for kind in kinds for batch in options.batches]
    with Doubles(pictures, FOLDER) as doubles, ExitStack() as stack:
        doubles.latency = LATENCY
        consumers = {
            size: stack.enter_context(Consumer("darkroom", doubles, FOLDER, batch=size)) for size in options.batches
        }
        ways = {
            str(number): partial(_run, consumers[cell.batch], cell, pictures, uploads)
            for number, cell in enumerate(cells)
        }
        for turn, figures in enumerate(interleave(ways, options.rounds), start=1):
            for number, (wall, used) in figures.items():
                cells[int(number)].walls.append(wall)
                cells[int(number)].cpus.append(used)
            print(f"round {turn} of {options.rounds}", file=sys.stderr)
    return {"before": before, "after": machine(), "cells": [asdict(cell) for cell in cells]}


def _empty(kind: str, batch: int, pictures: Mapping[str, bytes]) -> Cell:
    sizes = [Image.open(io.BytesIO(pictures[name])).size for name in CLASSES[kind]]
    megapixels = statistics.mean(width * height / 1e6 for width, height in sizes)
    return Cell(kind, batch, megapixels, statistics.mean(len(pictures[name]) for name in CLASSES[kind]))


def _run(consumer: Consumer, cell: Cell, pictures: Mapping[str, bytes], uploads: Iterator[int]) -> tuple[float, float]:
    names = itertools.islice(itertools.cycle(CLASSES[cell.kind]), cell.batch)
    run = consumer.run(originals.event({originals.key_of(name, next(uploads)): len(pictures[name]) for name in names}))
    if run.failed or run.error:
        raise RuntimeError(f"{cell.kind}: {run.error or run.failed}")
    return run.wall, run.cpu


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, compare, and print; or print what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m bench.estimate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="batches of each class and size (5)")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, help="images a batch (10 25 50)")
    parser.add_argument("--only", default="", help="beside the first, only classes with this in their names")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--report", metavar="FILE", help="measure nothing: read the figures that --json wrote")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    options = parser.parse_args(arguments)
    results = json.loads(Path(options.report).read_text()) if options.report else _measure(options)
    if options.json:
        Path(options.json).write_text(json.dumps(results))
    text = report(results)
    print(text)
    if options.write:
        page.write("bench.estimate", text)


if __name__ == "__main__":
    main()
