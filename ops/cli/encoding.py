"""The CPU that a recipe's variants take beside the three in JPEG that `costs.CPU` was measured with. Pure."""

from typing import Final

from processing.geometry import lay_out
from processing.picture import Size
from processing.recipe import Recipe

A_MEGAPIXEL: Final = {"jpeg": 11.0, "webp": 29.0, "avif": 38.0, "png": 90.0}
"""CPU milliseconds to make and encode a megapixel of a variant, with default quality and effort: measured 2026-11-26
from nine variants of one photo of 12 megapixels (254 ms; in JPEG alone, 71; recipe.toml's three, 82)."""
MEASURED_BOXES: Final = (1920, 1024, 480)  # recipe.toml's, at the time


def extra_cpu(recipe: Recipe, megapixels: float) -> float:
    """CPU milliseconds for a photo of 4:3, negative for less; without marks, progressive JPEGs and more effort."""
    width = max(1, round((megapixels * 1e6 * 4 / 3) ** 0.5))
    size = width, max(1, round(width * 3 / 4))
    made = sum(_milliseconds(lay_out(spec, size).size, spec.format) for spec in recipe.variants)
    boxes = (min(box, width) for box in MEASURED_BOXES)
    return made - sum(_milliseconds((box, round(box * 3 / 4)), "jpeg") for box in boxes)


def _milliseconds(size: Size, output: str) -> float:
    return A_MEGAPIXEL["jpeg" if output == "keep" else output] * size[0] * size[1] / 1e6
