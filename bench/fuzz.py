"""Broken images: ``python -m bench.fuzz --inputs 20000`` mutates the tests' samples and renders them.

For any bytes, the engine makes variants that can be opened, or raises one of the error tree's classes for bad images.
Each image is made from a number, so that a finding can be repeated: ``--first 1234 --inputs 1``. Child processes render
the images: a decoder that crashes or hangs ends one of them, and is reported with its number.
"""

import argparse
import io
import json
import resource
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.mutants import mutant
from processing.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from processing.imaging import render
from processing.recipe import load
from tests.corpus import gain_maps
from tests.corpus.samples import BUILDERS, sample

PROJECT = Path(__file__).parents[1]
GOLDEN = PROJECT / "tests" / "imaging" / "golden"
BATCH = 250
BATCH_SECONDS = 300.0  # a batch that takes longer hangs
MEMORY = 3 * 2**30
SLOW_SECONDS = 10.0  # no broken image of this size may take longer
FAULTS = ("unexpected", "slow", "crashed", "hung")
RECIPES = (
    'format = "keep"',
    'format = "jpeg"\nheight = 40\nfit = "cover"\nwatermark = "mark"',
    'format = "png"\nheight = 50\nfit = "pad"\nmetadata = "copyright"',
    'format = "webp"\nmetadata = "copyright"\nwatermark = "mark"',
    'format = "avif"\nmetadata = "copyright"',
)
WATERMARK_AND_LIMITS = """
[watermarks.mark]
text = "mark"
[limits.pixels]
animation = 5_000_000
"""


Ended = tuple[str, str, str]
"""A child's stdout; "crashed", "hung" or ""; and details."""


def try_range(first: int, count: int) -> None:
    """Render the images of these numbers, and print the outcome of each as a JSON line."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    recipes = [load(f"[variants.a]\nwidth = 64\n{settings}\n{WATERMARK_AND_LIMITS}") for settings in RECIPES]
    originals = [(name, sample(name).data) for name in BUILDERS]
    originals += [(f"jpeg-{kind}", gain_maps.original(kind)) for kind in gain_maps.KINDS]
    originals += [(path.name, path.read_bytes()) for path in sorted(GOLDEN.glob("*.heic"))]
    for number in range(first, first + count):
        name, data = mutant(number, originals)
        print(json.dumps({"number": number, "name": name}), flush=True)
        started = time.perf_counter()
        try:
            for variant in render(data, recipes[number % len(recipes)]).variants:
                _open(variant.data)
            result: dict[str, Any] = {"outcome": "rendered"}
        except (CorruptImage, ImageTooLarge, UnsupportedFormat) as error:
            result = {"outcome": type(error).__name__}
        except BaseException as error:  # noqa: BLE001  # any exception outside the error tree is a finding
            result = {"outcome": "unexpected", "detail": f"{error!r}\n{traceback.format_exc()}"}
        took = time.perf_counter() - started
        if took > SLOW_SECONDS and result["outcome"] != "unexpected":
            result = {"outcome": "slow", "detail": f"{took:.0f} s"}
        print(json.dumps(result), flush=True)


def _open(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def fuzz(
    first: int, count: int, *, progress: Callable[[int], None], run: Callable[[int, int], Ended]
) -> tuple[Counter[str], list[str]]:
    """Return the outcomes of the images of these numbers, and a text for each fault.

    Args:
        progress: called after each batch with the number of finished images.
        run: renders a number of images from a first one on, in a child process.
    """
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    at, last = first, first + count
    while at < last:
        batch = min(BATCH, last - at)
        output, failure, detail = run(at, batch)
        lines = [json.loads(line) for line in output.splitlines()]
        for image, result in zip(lines[::2], lines[1::2], strict=False):
            outcomes[result["outcome"]] += 1
            if result["outcome"] in FAULTS:
                findings.append(f"{image['number']} ({image['name']}): {result['outcome']}: {result['detail']}")
        if not failure:
            at += batch
        elif len(lines) % 2:
            outcomes[failure] += 1
            findings.append(f"{lines[-1]['number']} ({lines[-1]['name']}): {failure}: {detail}")
            at = lines[-1]["number"] + 1
        else:
            raise RuntimeError(f"the process that started at {at} {failure} between two images: {detail}")
        progress(at - first)
    return outcomes, findings


def run_child(
    first: int,
    count: int,
    *,
    command: Sequence[str] = (sys.executable, "-m", "bench.fuzz"),
    seconds: float = BATCH_SECONDS,
) -> Ended:
    """Render these images in a child process, which is killed when it hangs."""
    command = [*command, "--child", str(first), str(count)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as child:
        try:
            output, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            return output, "hung", f"no answer in {seconds:.0f} s"
    return output, "crashed" if child.returncode else "", f"the process ended with {child.returncode}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 without a fault, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many images (20,000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (0)")
    parser.add_argument("--json", action="store_true", help="print a report for machines")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        try_range(*options.child)
        return 0
    started = time.monotonic()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("images", total=options.inputs)
        outcomes, findings = fuzz(
            options.first, options.inputs, progress=lambda done: progress.update(task, completed=done), run=run_child
        )
    seconds = round(time.monotonic() - started, 1)
    if options.json:
        report = {
            "first": options.first,
            "inputs": options.inputs,
            "seconds": seconds,
            "outcomes": outcomes,
            "findings": findings,
        }
        print(json.dumps(report, indent=1))
    else:
        _show(options.inputs, seconds, outcomes, findings)
    return 1 if findings else 0


def _show(inputs: int, seconds: float, outcomes: Counter[str], findings: Sequence[str]) -> None:
    table = Table(title=f"{inputs:,} broken images in {seconds:,.0f} s")
    table.add_column("outcome")
    table.add_column("images", justify="right")
    for outcome in ("rendered", "CorruptImage", "UnsupportedFormat", "ImageTooLarge", *FAULTS):
        table.add_row(
            outcome, f"{outcomes[outcome]:,}", style="bold" if outcome in FAULTS and outcomes[outcome] else None
        )
    Console().print(table)
    print("\n".join(findings), end="\n" if findings else "")


if __name__ == "__main__":
    sys.exit(main())
