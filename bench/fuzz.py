"""Broken images by the thousand: `python -m bench.fuzz` mutates the tests' samples and renders what comes out.

Whatever the bytes are, the engine makes variants or raises one of the error tree's classes for bad images. Each image
is made from a number, so that a find can be repeated: `python -m bench.fuzz --first 1234 --count 1`. The work is done
in processes of their own: a crash in a decoder ends one of them, and is reported with the number it was at.
"""

import argparse
import json
import random
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

PROJECT = Path(__file__).parents[1]
BATCH = 500
MEMORY = 3 * 2**30
SLOW = 10.0  # seconds: no broken image of this size may take longer
NASTY = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
OUTPUTS = ("keep", "jpeg", "png", "webp", "avif")


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def flip_header(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(min(len(data), 256))] = chance.randrange(256)


def set_number(data: bytearray, chance: random.Random) -> None:
    """A length or an offset that lies."""
    size = chance.choice((1, 2, 4))
    at = chance.randrange(max(1, min(len(data), 2000) - size))
    number = chance.choice(NASTY) & (1 << 8 * size) - 1
    data[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def remove(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 64)]


def repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    piece = data[at : at + chance.randint(1, 512)]
    data[at:at] = piece * chance.randint(1, 20)


def insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.randint(1, 64))


MUTATIONS: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(flip, flip_header, flip_header, set_number, set_number),
    *(cut, remove, repeat, insert),
)


def mutant(number: int, originals: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The broken image of this number; now and then the end of one file behind the beginning of another."""
    chance = random.Random(number)
    name, original = chance.choice(originals)
    data = bytearray(original)
    if chance.random() < 0.1:
        other, donor = chance.choice(originals)
        name += f" + {other}"
        data[chance.randrange(len(data)) :] = donor[chance.randrange(len(donor)) :]
    for _ in range(chance.randint(1, 3)):
        chance.choice(MUTATIONS)(data, chance)
        if not data:
            break
    return name, bytes(data)


def try_range(first: int, count: int) -> None:
    """Render the images of these numbers, and print what each led to as a JSON line."""
    from processing.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
    from processing.imaging import render
    from processing.recipe import load
    from tests.corpus.samples import BUILDERS, sample

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    recipes = [
        load(f'[variants.a]\nwidth = 64\nformat = "{output}"\n[limits.pixels]\nanimation = 5_000_000')
        for output in OUTPUTS
    ]
    originals = [(name, sample(name).data) for name in BUILDERS]
    for number in range(first, first + count):
        name, data = mutant(number, originals)
        print(json.dumps({"begin": number, "name": name}), flush=True)
        started = time.perf_counter()
        try:
            render(data, recipes[number % len(recipes)])
            end: dict[str, Any] = {"end": "rendered"}
        except (CorruptImage, ImageTooLarge, UnsupportedFormat) as error:
            end = {"end": type(error).__name__}
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is what this looks for
            end = {"end": "unexpected", "error": repr(error), "trace": traceback.format_exc()}
        took = time.perf_counter() - started
        print(json.dumps(end | ({"slow": took} if took > SLOW else {})), flush=True)


def fuzz(first: int, count: int) -> tuple[Counter[str], list[str]]:
    """How the images of these numbers ended, and a text for each that ended as none may."""
    ends: Counter[str] = Counter()
    finds: list[str] = []
    at, last = first, first + count
    while at < last:
        batch = min(BATCH, last - at)
        command = [sys.executable, "-m", "bench.fuzz", "--child", str(at), str(batch)]
        child = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        lines = [json.loads(line) for line in child.stdout.splitlines()]
        for begin, end in zip(lines[::2], lines[1::2], strict=False):
            ends[end["end"]] += 1
            if end["end"] == "unexpected" or "slow" in end:
                finds.append(f"{begin['begin']} ({begin['name']}): {end.get('error', '')} {end.get('slow', '')}")
                finds[-1] += "\n" + end.get("trace", "")
        if child.returncode:
            begin = lines[-1]
            ends["crashed"] += 1
            finds.append(f"{begin['begin']} ({begin['name']}): the process ended with {child.returncode}")
            at = begin["begin"] + 1
        else:
            at += batch
    return ends, finds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many images (20,000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (0)")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        try_range(*asked.child)
        return 0
    ends, finds = fuzz(asked.first, asked.count)
    print("\n".join(finds), end="\n" if finds else "")
    print(f"{asked.count:,} images:", ", ".join(f"{end} {number:,}" for end, number in ends.most_common()))
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
