"""Recipes of one variant, what comes of them, and how far pictures are apart."""

import io
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageChops, ImageStat

from processing.imaging import Rendered, RenderedVariant, render
from processing.imaging.formats import play_count
from processing.imaging.original import frame_duration, frames, open_original
from processing.recipe import Limits, Recipe, VariantSpec, load

FORMATS = ("jpeg", "png", "webp", "avif", "keep")
LIMITS = load("[variants.any]\nwidth = 1").limits


def spec(name: str = "phone", **settings: Any) -> VariantSpec:
    """A variant that is as large as its original unless ``settings`` say otherwise."""
    return VariantSpec(**{"name": name, "width": None, "height": 16383, **settings})


def recipe(*specs: VariantSpec, limits: Limits = LIMITS) -> Recipe:
    return Recipe(specs or (spec(),), limits)


def limits(**changes: Any) -> Limits:
    """The default limits; ``pixels`` changes single formats."""
    pixels = {**LIMITS.max_pixels, **changes.pop("pixels", {})}
    return replace(LIMITS, max_pixels=pixels, **changes)


def rendered(data: bytes, **settings: Any) -> Rendered:
    return render(data, recipe(spec(**settings)))


def made(data: bytes, **settings: Any) -> RenderedVariant:
    """The one variant that ``settings`` describe."""
    return rendered(data, **settings).variants[0]


@dataclass(frozen=True)
class Played:
    """An animation: its frames in RGBA, ``durations`` in milliseconds, ``plays`` 0 for endlessly."""

    frames: list[Image.Image]
    durations: list[float]
    plays: int


def decoded(data: bytes) -> Played:
    """What the engine makes variants of."""
    original = open_original(data, LIMITS)
    found, durations = [], []
    for frame in frames(original, original.image.size):
        durations.append(frame_duration(frame))
        found.append(frame.convert("RGBA"))
    return Played(found, durations, play_count(original.image))


def opened(data: bytes) -> Any:
    """A picture, decoded by Pillow as it is stored."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def in_color(data: bytes) -> Any:
    """A picture in RGB, or in RGBA where it has transparency, in however few bits it is stored."""
    image = opened(data)
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def difference(one: Image.Image, other: Image.Image) -> tuple[float, int]:
    """The mean and the largest difference of any band, in levels."""
    assert (one.mode, one.size) == (other.mode, other.size)
    apart = ImageChops.difference(one, other)
    stat = ImageStat.Stat(apart)
    return max(stat.mean), max(high for _, high in stat.extrema)


def frames_of(data: bytes) -> list[Image.Image]:
    """Every frame of an animation in RGBA."""
    image = Image.open(io.BytesIO(data))
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(image.convert("RGBA"))
    return found
