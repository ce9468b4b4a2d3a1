"""The memory estimate beside what a render takes: each case in a fresh process, with the function's MALLOC settings.

Every default limit has cases of exactly its size. An estimate below the peak is marked with an asterisk, and so is a
render of more CPU than a try may take; "refused" is what a function of the default memory has no room for.
"""

import argparse
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from bench import page
from bench.machine import machine, sentence
from bench.runner import PROJECT, malloc_settings
from processing.picture import Size
from processing.recipe import Recipe, load
from processing.recipe.model import DEFAULT_PIXELS
from processing.sandbox.capacity import capacity

MEMORY, TRY_SECONDS = 1769, 20
STRIP = 64  # rows of which a picture consists: more than a coder looks back
Make = Callable[[], bytes]


def drawn(mode: str, size: Size, *, grain: int = 3) -> Image.Image:
    """A picture of soft colors under a grain of so many levels."""
    rng, shape = random.Random(1), (size[0], STRIP)
    noise = Image.frombytes("L", shape, rng.randbytes(size[0] * STRIP)).point([v * grain // 256 for v in range(256)])
    soft = (Image.frombytes("L", (24, 4), rng.randbytes(96)).resize(shape, Image.Resampling.BICUBIC) for _ in range(3))
    strip = Image.merge("RGB", [ImageChops.add(band, noise) for band in soft])
    if "A" in mode and mode != "LAB":
        strip = strip.convert(mode)
        strip.putalpha(Image.linear_gradient("L").resize(shape))
    elif mode == "I;16":
        strip = Image.frombytes(mode, shape, b"".join(bytes((0, level)) for level in strip.convert("L").tobytes()))
    else:
        strip = strip.quantize(256) if mode == "P" else strip.convert(mode)
    picture = Image.new(mode, size)
    if mode == "P":
        picture.putpalette(strip.getpalette() or [])
    for top in range(0, size[1], STRIP):
        picture.paste(strip, (0, top))
    return picture


def still(image_format: str, mode: str, pixels: int, **options: Any) -> bytes:
    side = int(pixels**0.5)
    return _saved(drawn(mode, (side, pixels // side), grain=1 if mode == "P" else 3), image_format, **options)


def animation(image_format: str, mode: str, frames: int, pixels: int, *, distinct: int = 0, **options: Any) -> bytes:
    """Frames that move over a wide picture, ``distinct`` of them or all."""
    width = int((pixels / frames * 4 / 3) ** 0.5)
    height = pixels // frames // width
    wide = drawn("RGB", (2 * width, height), grain=2)

    def frame(number: int) -> Image.Image:
        left = (number * distinct // frames if distinct else number) * 7 % width
        seen = wide.crop((left, 0, left + width, height)).convert(mode)
        seen.paste((number % 256,) * len(seen.getbands()), (number % width, 0, number % width + 1, 1))
        if mode == "RGBA":
            seen.putalpha(Image.linear_gradient("L").resize(seen.size))
        return seen

    rest = [frame(number) for number in range(1, frames)]
    return _saved(frame(0), image_format, save_all=True, append_images=rest, duration=50, loop=0, **options)


def _saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def cases(pixels: Mapping[str, int] = DEFAULT_PIXELS) -> Iterator[tuple[str, Make]]:
    """Yield the name of each case and what makes its file."""
    options: dict[str, dict[str, Any]] = {
        "png": {"compress_level": 1},
        "webp": {"method": 0},
        "avif": {"speed": 10},
        "tiff": {"compression": "tiff_adobe_deflate"},
    }
    modes = {
        "jpeg": ("RGB", "L", "CMYK"),
        "progressive": ("RGB", "L", "CMYK"),
        "png": ("RGB", "RGBA", "P", "L", "LA", "I;16", "1"),
        "tiff": ("RGB", "RGBA", "P", "L", "LA", "I;16", "CMYK", "LAB"),
        "bmp": ("P", "L"),
        "webp": ("RGB", "RGBA"),
        "avif": ("RGB", "RGBA"),
        "gif": ("P",),
    }
    for kind, each in modes.items():
        name, given = ("jpeg", {"progressive": True}) if kind == "progressive" else (kind, options.get(kind, {}))
        for mode in each:
            yield f"{kind} {mode}", partial(still, name, mode, pixels[kind], **given)
    yield (
        "progressive RGB, 4:4:4",
        partial(still, "jpeg", "RGB", pixels["progressive"], progressive=True, subsampling=0),
    )
    yield "jpeg RGB 12 MP", partial(still, "jpeg", "RGB", 12_000_000)
    yield "png P, one transparent", partial(still, "png", "P", pixels["png"], transparency=3, compress_level=1)
    yield (
        "png RGB, one transparent",
        partial(still, "png", "RGB", pixels["png"], transparency=(1, 2, 3), compress_level=1),
    )
    yield (
        "tiff RGB, one strip",
        partial(still, "tiff", "RGB", pixels["tiff"], compression="tiff_adobe_deflate", tiffinfo={278: 100_000}),
    )
    yield "avif RGBA, 4:4:4", partial(still, "avif", "RGBA", pixels["avif"], speed=10, subsampling="4:4:4")
    for kind, mode in (("gif", "RGB"), ("webp", "RGB"), ("webp", "RGBA"), ("png", "RGB"), ("png", "RGBA"),
                       ("avif", "RGB"), ("avif", "RGBA")):  # fmt: skip
        for frames in (2, 40, 1000):
            make = partial(animation, kind, mode, frames, pixels["animation"], **options.get(kind, {}))
            yield f"{kind} {mode}, {frames:,} frames", make
    yield "gif RGB, 300 frames of 480 x 360, 5 distinct", partial(animation, "gif", "RGB", 300, 51_840_000, distinct=5)


def measure(file: Path, recipe: Recipe) -> dict[str, Any]:
    """Render in this process, which has rendered nothing before."""
    from processing.imaging import inspect, render
    from processing.memory import memory_estimate

    data = file.read_bytes()
    recipe = replace(recipe, limits=replace(recipe.limits, max_bytes=len(data)))
    resident, space = _status("VmRSS"), _status("VmSize")
    started = time.process_time()
    header = inspect(data, recipe.limits)
    estimate = memory_estimate(header, recipe)
    rendered = render(data, recipe)
    return {
        "cpu_s": time.process_time() - started,
        "estimate": estimate,
        "resident": _status("VmHWM") - resident,
        "space": _status("VmPeak") - space,  # which the sandbox limits
        "megapixels": header.width * header.height * header.frames / 1e6,
        "bytes_in": len(data),
        "bytes_out": sum(len(variant.data) for variant in rendered.variants),
    }


def _status(name: str) -> float:
    """Megabytes, of this process alone; getrusage would start at its parent's peak."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _in_fresh_process(make: Make, options: Sequence[str]) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(make())
        file.flush()
        command = [sys.executable, "-m", "bench.memory", "--measure", file.name, *options]
        environ = os.environ | malloc_settings()
        done = subprocess.run(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(name: str, each: Mapping[str, Any], room: float) -> list[str]:
    """Return the cells of one case."""
    peak = max(each["resident"], each["space"])
    estimate = f"{each['estimate']:,.0f}" + "*" * (each["estimate"] < peak) + ", refused" * (each["estimate"] > room)
    seconds = f"{each['cpu_s']:.1f}" + "*" * (each["cpu_s"] > TRY_SECONDS)
    figures = (f"{each['megapixels']:.0f}", f"{each['bytes_in'] / 1e6:.1f}", f"{each['bytes_out'] / 1e6:.1f}")
    ratio = f"{each['estimate'] / peak:.2f}"
    return [name, *figures, estimate, f"{each['resident']:,.0f}", f"{each['space']:,.0f}", ratio, seconds]


HEAD = ("original", "MP", "MB in", "MB out", "estimate", "resident", "address space", "estimate to peak", "CPU s")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--format", default="", help="of every variant, instead of the recipe's")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    parser.add_argument("--measure", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    recipe = load((PROJECT / "recipe.toml").read_text(encoding="utf-8"))
    if options.format:
        recipe = replace(recipe, variants=tuple(replace(spec, format=options.format) for spec in recipe.variants))
    if options.measure:
        print(json.dumps(measure(options.measure, recipe)))
        return
    before, found, room = machine(), {}, capacity(MEMORY).rendering
    for name, make in cases():
        if options.only in name:
            found[name] = _in_fresh_process(make, ["--format", options.format])
            print(" | ".join(row(name, found[name], room)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.write:
        table = page.table(HEAD, [row(name, each, room) for name, each in found.items()])
        page.write("bench.memory", f"{sentence(before, machine())}\n\n{table}")


if __name__ == "__main__":
    main()
