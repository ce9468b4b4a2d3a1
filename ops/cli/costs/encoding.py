"""The bytes of a recipe's variants, and their CPU beside the three in JPEG that `cpu.PIXELS` was measured with."""

from typing import Final

from processing.geometry import lay_out
from processing.picture import Size
from processing.recipe import Recipe

A_MEGAPIXEL: Final = {"jpeg": 11.0, "webp": 29.0, "avif": 38.0, "png": 90.0}
"""CPU milliseconds to make and encode a megapixel of a variant, with default quality and effort: measured 2026-11-26
from nine variants of one photo of 12 megapixels (254 ms; in JPEG alone, 71; recipe.toml's three, 82)."""
BYTES_A_PIXEL: Final = {"jpeg": 0.12, "webp": 0.07, "avif": 0.06, "png": 1.5}
"""Of a variant with default quality: `python -m bench.sizes` of the three large photos in samples/, a few per cent more
for a phone's width and less for a desktop's; of the two in PNG."""
MEASURED_BOXES: Final = (1920, 1024, 480)  # recipe.toml's, at the time


def extra_cpu(recipe: Recipe, megapixels: float) -> float:
    """CPU milliseconds for a photo of 4:3, negative for less; without marks, progressive JPEGs and more effort."""
    size = _photo(megapixels)
    made = sum(_milliseconds(lay_out(spec, size).size, spec.format) for spec in recipe.variants)
    boxes = (min(box, size[0]) for box in MEASURED_BOXES)
    return made - sum(_milliseconds((box, round(box * 3 / 4)), "jpeg") for box in boxes)


def variant_bytes(recipe: Recipe, megapixels: float) -> float:
    """Bytes of all variants of a photo of 4:3 together."""
    made = ((lay_out(spec, _photo(megapixels)).size, spec.format) for spec in recipe.variants)
    return sum(BYTES_A_PIXEL[_format(output)] * width * height for (width, height), output in made)


def _photo(megapixels: float) -> Size:
    width = max(1, round((megapixels * 1e6 * 4 / 3) ** 0.5))
    return width, max(1, round(width * 3 / 4))


def _format(output: str) -> str:
    """The format of a variant of a photo in JPEG."""
    return "jpeg" if output == "keep" else output


def _milliseconds(size: Size, output: str) -> float:
    return A_MEGAPIXEL[_format(output)] * size[0] * size[1] / 1e6
