"""The memory of all the consumer's processes stays within the function's, and does not grow."""

import random
from pathlib import Path

from PIL import Image

from bench.pipeline.doubles import Doubles
from bench.pipeline.growth import grow
from bench.pipeline.measure import BATCH, MEMORY
from bench.pipeline.originals import BATCHES
from processing.sandbox.capacity import USABLE
from tests.corpus.samples import saved

BATCH_COUNT = 8  # by hand, 200 take about two minutes
SIZES = {"small": (1200, 900), "photo": (4000, 3000), "huge": (6000, 4000), "png": (1600, 1200)}


def picture(name: str) -> bytes:
    """A picture with the detail of a photograph: enlarged noise."""
    kind = name.split("/")[0]
    width, height = SIZES[kind]
    noise = random.Random(name).randbytes(width // 8 * (height // 8) * 3)
    image = Image.frombytes("RGB", (width // 8, height // 8), noise).resize((width, height), Image.Resampling.BICUBIC)
    return saved(image, "PNG" if kind == "png" else "JPEG")


def test_the_memory_of_all_processes_stays_bounded_and_does_not_grow(tmp_path: Path) -> None:
    pictures = {name: picture(name) for name in BATCHES["mixed"]}

    with Doubles(pictures, tmp_path) as doubles:
        batches = grow(doubles, pictures, tmp_path, BATCH_COUNT * BATCH, kind="mixed", ways=["darkroom"])["darkroom"]

    memory = [megabytes for _, _, megabytes in batches]
    assert max(memory) < USABLE * MEMORY
    assert max(memory[BATCH_COUNT // 2 :]) < 1.2 * max(memory[: BATCH_COUNT // 2])
