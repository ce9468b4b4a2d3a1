"""Bytes in and bytes out: every original of some folders beside its variants by recipe.toml.

A variant is marked where it has more bytes than its original in the same format, or than a larger variant.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import page
from bench.machine import machine, sentence
from bench.runner import PROJECT
from processing.errors import Rejected
from processing.imaging import Rendered, render
from processing.recipe import Recipe, load

FOLDER = PROJECT / "samples"


@dataclass(frozen=True)
class Sizes:
    """An original and its variants, the largest first; each with its pixels and bytes."""

    name: str
    image_format: str
    size: tuple[int, int]
    bytes_in: int
    variants: dict[str, tuple[str, tuple[int, int], int]]

    def faults(self) -> Iterator[str]:
        """Yield each variant that is larger than what it was made from, or than a larger variant."""
        larger = (self.image_format, self.size, self.bytes_in)
        for name, (image_format, size, length) in self.variants.items():
            if image_format == larger[0] and length > larger[2]:
                yield name
            larger = (image_format, size, length)


def measure(files: Sequence[Path], recipe: Recipe) -> Iterator[Sizes]:
    """Yield the sizes of each file that is an image."""
    for file in files:
        data = file.read_bytes()
        try:
            yield _sizes(file.name, data, render(data, recipe))
        except Rejected as error:
            print(f"{file.name}: {type(error).__name__}", file=sys.stderr)


def _sizes(name: str, data: bytes, rendered: Rendered) -> Sizes:
    source = rendered.source
    largest_first = sorted(rendered.variants, key=lambda each: -each.width * each.height)
    variants = {each.name: (each.format, (each.width, each.height), len(each.data)) for each in largest_first}
    return Sizes(name, source.image_format, (source.width, source.height), len(data), variants)


def text(found: Sequence[Sizes], names: Sequence[str]) -> str:
    """Return the table; an asterisk marks a fault."""
    rows = []
    for each in found:
        faults = set(each.faults())
        cells = [f"{each.variants[name][2]:,}" + "*" * (name in faults) for name in names]
        rows.append([f"{each.name[:40]} {each.size[0]} x {each.size[1]}", f"{each.bytes_in:,}", *cells])
    return page.table(["original", "bytes in", *names], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="*", default=[FOLDER], help="of images (samples)")
    parser.add_argument("--recipe", type=Path, default=PROJECT / "recipe.toml", help="of the variants (recipe.toml)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    options = parser.parse_args(arguments)
    before, recipe = machine(), load(options.recipe.read_text(encoding="utf-8"))
    files = sorted(file for folder in options.folders for file in folder.rglob("*") if file.is_file())
    found = list(measure([file for file in files if file.suffix != ".md"], recipe))
    table = text(found, [spec.name for spec in recipe.variants])
    print(table)
    faults = sum(len(list(each.faults())) for each in found)
    print(f"{len(found)} originals, {sum(len(each.variants) for each in found)} variants, {faults} too large")
    if options.json:
        options.json.write_text(json.dumps([vars(each) for each in found], indent=1))
    if options.write:
        page.write("bench.sizes", f"{sentence(before, machine())}\n\n{table}")


if __name__ == "__main__":
    main()
