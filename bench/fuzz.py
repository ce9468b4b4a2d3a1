"""Broken images by the thousand: ``python -m bench.fuzz --inputs 20000`` mutates the tests' samples and renders them.

Whatever the bytes are, the engine makes variants that can be opened, or raises one of the error tree's classes for bad
images. Each image is made from a number, so that a find can be repeated: ``--first 1234 --inputs 1``. The work is done
in processes of their own: a decoder that crashes or hangs ends one of them, and is reported with the number it was at.
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
from tests.corpus.samples import BUILDERS, sample

PROJECT = Path(__file__).parents[1]
GOLDEN = PROJECT / "tests" / "imaging" / "golden"
BATCH = 250
PATIENCE = 300.0  # seconds for a batch: one that takes longer hangs
MEMORY = 3 * 2**30
SLOW = 10.0  # seconds: no broken image of this size may take longer
FAULTS = ("unexpected", "slow", "crashed", "hung")
RECIPES = (
    'format = "keep"',
    'format = "jpeg"\nheight = 40\nfit = "cover"\nwatermark = "mark"',
    'format = "png"\nheight = 50\nfit = "pad"\nmetadata = "copyright"',
    'format = "webp"\nmetadata = "copyright"\nwatermark = "mark"',
    'format = "avif"\nmetadata = "copyright"',
)
REST = """
[watermarks.mark]
text = "mark"
[limits.pixels]
animation = 5_000_000
"""


Ended = tuple[str, str, str]
"""What a process printed; how it ended, if not well: "crashed" or "hung"; and more of that."""


def try_range(first: int, count: int) -> None:
    """Render the images of these numbers, and print what each led to as a JSON line."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    recipes = [load(f"[variants.a]\nwidth = 64\n{settings}\n{REST}") for settings in RECIPES]
    originals = [(name, sample(name).data) for name in BUILDERS]
    originals += [(path.name, path.read_bytes()) for path in sorted(GOLDEN.glob("*.heic"))]
    for number in range(first, first + count):
        name, data = mutant(number, originals)
        print(json.dumps({"number": number, "name": name}), flush=True)
        started = time.perf_counter()
        try:
            for variant in render(data, recipes[number % len(recipes)]).variants:
                _open(variant.data)
            found: dict[str, Any] = {"end": "rendered"}
        except (CorruptImage, ImageTooLarge, UnsupportedFormat) as error:
            found = {"end": type(error).__name__}
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is what this looks for
            found = {"end": "unexpected", "detail": f"{error!r}\n{traceback.format_exc()}"}
        took = time.perf_counter() - started
        if took > SLOW and found["end"] != "unexpected":
            found = {"end": "slow", "detail": f"{took:.0f} s"}
        print(json.dumps(found), flush=True)


def _open(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def fuzz(
    first: int, count: int, *, progress: Callable[[int], None], run: Callable[[int, int], Ended]
) -> tuple[Counter[str], list[str]]:
    """How the images of these numbers ended, and a text for each that ended as none may.

    Args:
        progress: told after each batch how many images are done.
        run: renders a number of images from a first one on, in a process of its own.
    """
    ends: Counter[str] = Counter()
    finds: list[str] = []
    at, last = first, first + count
    while at < last:
        batch = min(BATCH, last - at)
        output, fate, detail = run(at, batch)
        lines = [json.loads(line) for line in output.splitlines()]
        for begin, end in zip(lines[::2], lines[1::2], strict=False):
            ends[end["end"]] += 1
            if end["end"] in FAULTS:
                finds.append(f"{begin['number']} ({begin['name']}): {end['end']}: {end['detail']}")
        if not fate:
            at += batch
        elif len(lines) % 2:
            ends[fate] += 1
            finds.append(f"{lines[-1]['number']} ({lines[-1]['name']}): {fate}: {detail}")
            at = lines[-1]["number"] + 1
        else:
            raise RuntimeError(f"the process of {at} {fate} between two images: {detail}")
        progress(at - first)
    return ends, finds


def run_child(
    first: int, count: int, *, command: Sequence[str] = (sys.executable, "-m", "bench.fuzz"), patience: float = PATIENCE
) -> Ended:
    """Render these images in a process of its own, which is killed when it hangs."""
    command = [*command, "--child", str(first), str(count)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as child:
        try:
            output, _ = child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            return output, "hung", f"no answer in {patience:.0f} s"
    return output, "crashed" if child.returncode else "", f"the process ended with {child.returncode}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when every image ended as it may, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many images (20,000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (0)")
    parser.add_argument("--json", action="store_true", help="print a report for machines")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        try_range(*asked.child)
        return 0
    started = time.monotonic()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("images", total=asked.inputs)
        ends, finds = fuzz(
            asked.first, asked.inputs, progress=lambda done: progress.update(task, completed=done), run=run_child
        )
    seconds = round(time.monotonic() - started, 1)
    if asked.json:
        report = {"first": asked.first, "inputs": asked.inputs, "seconds": seconds, "ends": ends, "finds": finds}
        print(json.dumps(report, indent=1))
    else:
        _show(asked.inputs, seconds, ends, finds)
    return 1 if finds else 0


def _show(inputs: int, seconds: float, ends: Counter[str], finds: Sequence[str]) -> None:
    table = Table(title=f"{inputs:,} broken images in {seconds:,.0f} s")
    table.add_column("end")
    table.add_column("images", justify="right")
    for end in ("rendered", "CorruptImage", "UnsupportedFormat", "ImageTooLarge", *FAULTS):
        table.add_row(end, f"{ends[end]:,}", style="bold" if end in FAULTS and ends[end] else None)
    Console().print(table)
    print("\n".join(finds), end="\n" if finds else "")


if __name__ == "__main__":
    sys.exit(main())
