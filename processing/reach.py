"""Which limits of a recipe a function cannot reach: a picture at the limit would be refused by its memory.

A limit is reached when the picture of that kind that takes the most memory fits; kinds that nobody sends do not count.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from processing.memory import memory_estimate
from processing.picture import Header
from processing.recipe import Limits, Recipe
from processing.sandbox.capacity import Capacity, capacity

SMALLEST_FUNCTION, LARGEST_FUNCTION = 512, 10_240  # megabytes
COEFFICIENTS: Final = 6.0  # of a JPEG in color, not subsampled
PLANES: Final = 4.0  # of a HEIC with 10 bits, 4:2:2
STILLS: Final[Mapping[str, Header]] = {
    "jpeg": Header("jpeg", "CMYK", 0, 0, 1),
    "progressive": Header("jpeg", "RGB", 0, 0, 1, progressive=True, decoder_bytes=COEFFICIENTS),
    "png": Header("png", "RGBA", 0, 0, 1),
    "gif": Header("gif", "P", 0, 0, 1, is_keyed=True),
    "webp": Header("webp", "RGBA", 0, 0, 1),
    "tiff": Header("tiff", "RGBA", 0, 0, 1),
    "bmp": Header("bmp", "P", 0, 0, 1),
    "avif": Header("avif", "RGBA", 0, 0, 1),
    "heic": Header("heic", "RGB", 0, 0, 1, decoder_bytes=PLANES),
}
ANIMATIONS: Final = (
    Header("gif", "P", 0, 0, 1, is_keyed=True),
    *(Header(name, "RGBA", 0, 0, 1) for name in ("webp", "png", "avif")),
)
FRAMES: Final = 24  # of the animation that has as many pixels as its limit allows


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A limit that is above what fits.

    Args:
        fits: the largest value that fits.
        needed: the megabytes of memory of the smallest function that reaches it, None where none does.
    """

    setting: str
    value: int
    fits: int
    needed: int | None


def at_limit(kind: str, limits: Limits) -> Sequence[Header]:
    """The headers of pictures exactly at a limit: of "jpeg", "progressive", ..., "animation" or "frames"."""
    if kind in STILLS:
        return [_shaped(STILLS[kind], limits.max_pixels[kind], 1)]
    frames = limits.max_frames if kind == "frames" else min(FRAMES, limits.max_frames)
    return [_shaped(each, limits.max_pixels["animation"], frames) for each in ANIMATIONS]


def unreachable(recipe: Recipe, memory: float, cpus: float | None = None) -> Iterator[Unreachable]:
    """The limits that a function with ``memory`` megabytes cannot reach, or a container with so many CPUs."""
    room, limits = capacity(memory, cpus), recipe.limits
    if room.largest_body < limits.max_bytes:
        needed = _function(lambda room: room.largest_body >= limits.max_bytes)
        yield Unreachable("limits.bytes", limits.max_bytes, room.largest_body, needed)
    for kind, pixels in limits.max_pixels.items():
        takes = _takes(kind, pixels, recipe)
        if takes > room.rendering:
            fits = _most(kind, recipe, room.rendering)
            yield Unreachable(f"limits.pixels.{kind}", pixels, fits, _function(partial(_has_room, takes)))
    most = limits.max_pixels["animation"]
    if limits.max_frames > most:
        yield Unreachable("limits.frames", limits.max_frames, most, None)


def _takes(kind: str, pixels: int, recipe: Recipe) -> float:
    """The megabytes of the picture at this limit that takes the most."""
    limits = replace(recipe.limits, max_pixels={**recipe.limits.max_pixels, kind: pixels})
    kinds = (kind, "frames") if kind == "animation" else (kind,)
    return max(memory_estimate(header, recipe) for each in kinds for header in at_limit(each, limits))


def _most(kind: str, recipe: Recipe, megabytes: float) -> int:
    """The largest limit that fits."""
    low, high = 1, recipe.limits.max_pixels[kind]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _takes(kind, middle, recipe) <= megabytes else (low, middle)
    return low


def _function(fits: Callable[[Capacity], bool]) -> int | None:
    """The memory of the smallest function that fits."""
    return next((memory for memory in range(SMALLEST_FUNCTION, LARGEST_FUNCTION + 1) if fits(capacity(memory))), None)


def _has_room(megabytes: float, room: Capacity) -> bool:
    return room.rendering >= megabytes


def _shaped(header: Header, pixels: int, frames: int) -> Header:
    """As square as possible."""
    width = max(1, math.isqrt(pixels // frames))
    return replace(header, width=width, height=max(1, pixels // frames // width), frames=frames)
