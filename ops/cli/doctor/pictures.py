"""The doctor's own pictures: a few kilobytes each, made here; the HEIC is a file, for nothing here can write one.

``portrait.heic`` is the project's own (tests/imaging/golden/README.md says how it was made).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

HEIC_FILE: Final = Path(__file__).with_name("portrait.heic")
SIZE: Final = (640, 480)
ORIENTATION: Final = 0x0112  # the EXIF tag
TURN_RIGHT: Final = 6  # shown with its left side up


@dataclass(frozen=True, slots=True)
class DoctorPicture:
    """A picture to send.

    Args:
        is_upright: whether its variants stand, as EXIF says, while its pixels lie.
        is_transparent: whether its variants have an alpha channel, where their format can have one.
    """

    name: str
    file: str
    content_type: str
    make: Callable[[], bytes]
    is_upright: bool = False
    is_transparent: bool = False


def lying_jpeg() -> bytes:
    """A JPEG that lies, with an EXIF orientation that lets it stand."""
    exif = Image.Exif()
    exif[ORIENTATION] = TURN_RIGHT
    return _saved(_drawing("RGB"), "JPEG", exif=exif, quality=85)


def transparent_png() -> bytes:
    """A PNG with an alpha channel."""
    picture = _drawing("RGB").convert("RGBA")
    picture.putalpha(Image.radial_gradient("L").resize(SIZE))
    return _saved(picture.resize((320, 240)), "PNG")


def small_webp() -> bytes:
    """A WebP."""
    return _saved(_drawing("RGB"), "WEBP", quality=80)


def heic_file() -> bytes:
    """A HEIC."""
    return HEIC_FILE.read_bytes()


def broken_jpeg() -> bytes:
    """A JPEG that was cut off, as a broken upload leaves it."""
    whole = lying_jpeg()
    return whole[: len(whole) // 2]


PICTURES: Final = (
    DoctorPicture("jpeg", "jpeg.jpg", "image/jpeg", lying_jpeg, is_upright=True),
    DoctorPicture("png", "png.png", "image/png", transparent_png, is_transparent=True),
    DoctorPicture("webp", "webp.webp", "image/webp", small_webp),
)
"""What must become variants in any stage."""

FORM: Final = DoctorPicture("form", "form.webp", "image/webp", small_webp)
"""What is sent as a browser sends it."""

HEIC: Final = DoctorPicture("heic", "heic.heic", "image/heic", heic_file)
"""What a stage reads or not."""

BROKEN: Final = DoctorPicture("broken", "broken.jpg", "image/jpeg", broken_jpeg)
"""What a stage must refuse."""


def _drawing(mode: str) -> Image.Image:
    """Gradients under two shapes: nothing that a codec makes a few bytes of."""
    ramp = Image.linear_gradient("L").resize(SIZE)
    picture = Image.merge("RGB", (ramp, Image.radial_gradient("L").resize(SIZE), ramp.rotate(180))).convert(mode)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 240, 200), fill=(250, 90, 30))
    draw.ellipse((320, 160, 560, 400), fill=(30, 160, 230))
    return picture


def _saved(picture: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, image_format, **options)
    return out.getvalue()
