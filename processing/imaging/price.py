"""The memory an image takes while it is rendered, from its header alone. Pure.

The factors are what was measured, rounded up: `tests/sandbox/test_price.py` holds the engine to them.
"""

from typing import Final

from processing.imaging.animation import ANIMATED
from processing.imaging.geometry import GAP, plan
from processing.picture import Header
from processing.recipe import Recipe

MEGABYTE: Final = 1 << 20
PIXEL: Final = 4  # bytes of a decoded pixel; Pillow keeps RGB in four as well
WORKING: Final = 32.0  # megabytes for tables, profiles, encoders, and what a heap keeps between blocks
COEFFICIENTS: Final = 6  # bytes a pixel of a progressive JPEG, which is kept as a whole before it becomes pixels
DECODED: Final = {"webp": 3.0, "avif": 3.0, "gif": 3.0}  # times the pixels: planes, canvases beside them
PLANES: Final = 2.25  # times the planes of a HEIC, beside its pixels: 1.2 to 2.1 at 48 MP, by depth and subsampling
WHOLE: Final = 1.25  # times the pixels, in any other format
PLAIN: Final = ("L", "RGB", "CMYK")  # whatever else is unpacked to a picture of its own first ...
UNPACKED: Final = 1.25  # ... of so many times the pixels
VARIANT: Final = 5  # bytes of a variant's pixel, in RGB and in a palette


def megabytes(header: Header, recipe: Recipe) -> float:
    """What rendering may take beyond the engine itself and the file's own bytes."""
    size = header.width, header.height
    layouts = plan(recipe.variants, size)
    frames = header.frames if header.image_format in ANIMATED else 1
    made = sum(_area(layout.canvas or layout.frame) for layout in layouts)
    largest = max(_area(layout.frame) for layout in layouts)
    if header.image_format == "jpeg":
        decoded = min(_area(size), max(4 * GAP**2 * largest, _area(size) / 64))
        source = decoded * PIXEL + (_area(size) * COEFFICIENTS if header.progressive else 0)
    else:
        source = _area(size) * _pixel_bytes(header)
    # Of each variant every frame, and what cropping, marking or encoding makes beside one
    return WORKING + (source + made * VARIANT * (frames + 2)) / MEGABYTE


def _pixel_bytes(header: Header) -> float:
    """What a pixel takes that is decoded with all others."""
    unpacked = 0 if header.mode in PLAIN else PIXEL * UNPACKED
    if header.image_format == "heic":
        return PIXEL + PLANES * header.plane_bytes + unpacked
    return PIXEL * DECODED.get(header.image_format, WHOLE) + unpacked


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
