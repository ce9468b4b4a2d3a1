"""The memory that rendering takes, from an image's header alone: measured and rounded up by `python -m bench.memory`.

Two moments decide: while the decoder works, beside the pixels that it has made; and while these are made smaller,
beside the variants. Of an animation one frame is decoded at a time, and each variant's frames are held as bare samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from processing import geometry
from processing.geometry import Layout
from processing.picture import ANIMATED, Header, Size, output_of
from processing.recipe import Recipe

MEGABYTE: Final = 1 << 20
WORKING_MEGABYTES: Final = 36.0  # for tables, profiles, encoders, and unused memory between the heap's blocks
# Bytes of a pixel ...
STORED: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}  # as Pillow holds it; others: 4
DIRECT: Final = ("L", "RGB", "CMYK")  # resized as they are
WITH_COPY: Final = 8  # while it is converted to 4 from 4, or the resizer has multiplied its colors by its alpha
AS_STORED: Final = ("RGB", "RGBA", "LAB")  # of other modes the heap keeps what was converted
WIDENED: Final = 6  # ... converted from 1 or 2
DECODING: Final = {"webp": 16.0, "avif": 13.0}  # canvases or planes, their copy, and the pixels
ALPHA_PLANE: Final = 3.0  # of an AVIF, and of the copy
HEIC_PLANES: Final = 2.25  # times its planes, beside the pixels: 1.2 to 2.1 at 48 MP, by depth and subsampling
# Copies of the file, that its reader makes; none of a TIFF or a BMP
COPIES: Final = {"jpeg": 1, "progressive": 2, "png": 1, "webp": 2, "gif": 2, "avif": 1, "heic": 1}
FRAME: Final = {"gif": 17.0, "png": 20.0, "webp": 21.0, "avif": 14.0}  # of an animation, with what it replaces
REFERENCES: Final = 8  # frames of an AVIF that its decoder keeps, by which later ones are described
REFERENCE: Final = 3.75  # ... of each of them, beyond FRAME
VARIANT: Final = 15.0  # of a still's variant: in RGB and in a palette, cropped or marked, and encoded
EACH_FRAME: Final = 20_000.0  # whatever its size: its objects, and what blocks of memory leave unused
CODED: Final = {"png": 2.0, "avif": 0.25}  # of each frame of an animation, as a file; 1 in the other formats
WORKED_ON: Final = 20.0  # of the one frame of each variant that is finished, compared and encoded
# ... of the largest variant, while it is encoded, beyond that: by (output, of an animation, with alpha)
ENCODING: Final = {
    ("avif", False, False): 24.0,
    ("avif", False, True): 24.0,
    ("avif", True, False): 16.0,
    ("avif", True, True): 75.0,
    ("webp", False, True): 13.0,
}


@dataclass(frozen=True, slots=True)
class Made:
    """A variant that is made: its pixels, and whether all frames of an animation."""

    pixels: int
    output: str
    is_animated: bool


def memory_estimate(header: Header, recipe: Recipe) -> float:
    """The megabytes that rendering takes at most, beyond the engine itself and two copies of the file's bytes."""
    sizes = {(header.width, header.height), (header.height, header.width)}  # EXIF may turn it: not known here
    return WORKING_MEGABYTES + max(_bytes(header, recipe, size) for size in sizes) / MEGABYTE


def _bytes(header: Header, recipe: Recipe, shown: Size) -> float:
    layouts = geometry.plan(recipe.variants, shown)
    made = _made(header, layouts)
    if header.frames > 1:
        return area(shown) * _frame(header) + _animations(header, made) + _encoding(header, made) + _copies(header)
    variants = VARIANT * sum(each.pixels for each in made) + _encoding(header, made)
    largest = max(layouts, key=lambda each: area(each.frame)).frame
    decoding, pixels = _decoded(header, _stored(largest, header, shown))
    with_variants = pixels + variants
    if header.gain_map:  # which is decoded when the picture is closed; that of a variant has a sixteenth of its pixels
        frame = _stored(largest, header, shown)
        finest = round(frame[0] * geometry.FINEST), round(frame[1] * geometry.FINEST)
        with_variants = max(with_variants, max(_decoded(header.gain_map, finest)) + variants)
    return max(decoding, with_variants) + _copies(header)


def _copies(header: Header) -> int:
    return COPIES.get("progressive" if header.progressive else header.image_format, 0) * header.copied_bytes


def _made(header: Header, layouts: Sequence[Layout]) -> list[Made]:
    """Variants with the same pixels are made once."""
    found = {}
    for layout in layouts:
        settings = replace(layout.spec, name="", width=None, height=None)
        output = output_of(layout.spec, header.image_format, transparent=True)
        pixels = max(area(layout.frame), area(layout.size))
        animated = header.frames > 1 and output in ANIMATED
        found[settings, layout.frame, layout.crop, layout.canvas] = Made(pixels, output, animated)
    return list(found.values())


def _frame(header: Header) -> float:
    """The bytes of a pixel while the frames of an animation are decoded."""
    kept = min(header.frames, REFERENCES) * REFERENCE if header.image_format == "avif" else 0
    return FRAME[header.image_format] + kept


def _encoding(header: Header, made: Sequence[Made]) -> float:
    """What the encoder of one variant takes, which is gone before the next one is encoded."""
    has_alpha = header.mode not in DIRECT or header.is_keyed
    return max((each.pixels * ENCODING.get((each.output, each.is_animated, has_alpha), 0) for each in made), default=0)


def _animations(header: Header, made: Sequence[Made]) -> float:
    """The frames of every variant, packed and as files, and those that are worked on."""
    samples = 3 if header.mode == "RGB" and not header.is_keyed else 4
    held = sum(
        each.pixels * ((1 if each.output == "gif" else samples) + CODED.get(each.output, 1.0))
        for each in made
        if each.is_animated
    )
    return header.frames * (held + EACH_FRAME) + WORKED_ON * sum(each.pixels for each in made)


def _stored(frame: Size, header: Header, shown: Size) -> Size:
    """A frame as the file has it, before it is turned."""
    return frame if shown == (header.width, header.height) else (frame[1], frame[0])


def _decoded(header: Header, frame: Size) -> tuple[float, float]:
    """The bytes while the image is decoded, and while it is then made smaller than ``frame`` by GAP."""
    pixels = header.width * header.height
    stored = STORED.get(header.mode, 4)
    if header.image_format == "jpeg":
        scaled = stored * (pixels if header.is_unscaled else _scaled_pixels(header, frame))
        return scaled + pixels * header.decoder_bytes, scaled
    if header.image_format == "heic":
        decoding = 4 + HEIC_PLANES * header.decoder_bytes
    else:
        alpha = ALPHA_PLANE if (header.image_format, header.mode) == ("avif", "RGBA") else 0
        decoding = DECODING.get(header.image_format, stored + header.decoder_bytes) + alpha
    return pixels * decoding, pixels * _resizing(header)


def _resizing(header: Header) -> float:
    """The bytes of a pixel while it is converted and made smaller."""
    if header.mode in DIRECT and not header.is_keyed:
        return STORED.get(header.mode, 4)
    if header.mode in STORED and not header.is_keyed:
        return WIDENED
    return WITH_COPY + (0 if header.mode in AS_STORED else STORED.get(header.mode, 4))


def _scaled_pixels(header: Header, frame: Size) -> int:
    """Of a JPEG, which is decoded at the smallest of 1, 1/2, 1/4 and 1/8 with GAP times the sides of ``frame``."""
    ratio = min(
        side // math.ceil(geometry.GAP * wanted)
        for side, wanted in zip((header.width, header.height), frame, strict=True)
    )
    scale = next(scale for scale in (8, 4, 2, 1) if ratio >= scale or scale == 1)
    return -(-header.width // scale) * -(-header.height // scale)


def area(size: Size) -> int:
    return size[0] * size[1]
