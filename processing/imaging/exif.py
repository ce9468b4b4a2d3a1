"""What is read of an image's metadata: its orientation, the time it was taken, its copyright notice."""

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PIL import Image, IptcImagePlugin

ORIENTATION, COPYRIGHT, EXIF_IFD, TAKEN, TAKEN_OFFSET = 0x0112, 0x8298, 0x8769, 0x9003, 0x9011
IPTC_COPYRIGHT: Final = (2, 116)
LONGEST_NOTICE: Final = 1000

# What Pillow raises for metadata that is wrong. A picture with broken metadata is still a picture.
BROKEN: Final = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)


@dataclass(frozen=True, slots=True)
class About:
    """``orientation`` is EXIF's 1 to 8, 1 when unknown; ``created`` is ISO 8601."""

    orientation: int = 1
    created: str | None = None
    copyright: str | None = None


def read(image: Image.Image) -> About:
    """What the metadata says; what is broken in it counts as not there."""
    tags = _tags(image)
    # A TIFF's pixels are turned by Pillow when they are loaded, and its size is given as shown
    turn = 1 if image.format == "TIFF" else tags.get(ORIENTATION)
    return About(
        orientation=turn if isinstance(turn, int) and 1 <= turn <= 8 else 1,
        created=_created(tags),
        copyright=_clean(tags.get(COPYRIGHT)) or _other_notice(image),
    )


def copyright_only(notice: str) -> bytes:
    """EXIF data that holds a copyright notice and nothing else, with the marker ``Exif`` in front."""
    tags = Image.Exif()
    tags[COPYRIGHT] = notice
    return tags.tobytes()


def _tags(image: Image.Image) -> Image.Exif:
    tags = Image.Exif()
    try:
        if image.format == "TIFF":
            return image.getexif()
        # Not by getexif(): where there is no EXIF, that takes the orientation from XMP, which no browser does
        tags.load(image.info.get("exif") or _in_text(image))
    except BROKEN:
        return Image.Exif()
    return tags


def _in_text(image: Image.Image) -> bytes:
    """The EXIF data of a PNG of before 2017, which had no chunk for it: as a text of hexadecimal digits."""
    lines = str(image.info.get("Raw profile type exif", "")).splitlines()
    return bytes.fromhex("".join(lines[3:]))


def _created(tags: Image.Exif) -> str | None:
    try:
        detail = tags.get_ifd(EXIF_IFD)
    except BROKEN:
        return None
    try:
        taken = datetime.strptime(_clean(detail.get(TAKEN)) or "", "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    offset = _clean(detail.get(TAKEN_OFFSET)) or ""
    return taken.isoformat() + (offset if re.fullmatch(r"[+-]\d\d:\d\d", offset) else "")


def _other_notice(image: Any) -> str | None:
    """IPTC's notice, or the one of a PNG's text chunks."""
    try:
        iptc = IptcImagePlugin.getiptcinfo(image) or {}
    except BROKEN:
        iptc = {}
    return _clean(iptc.get(IPTC_COPYRIGHT)) or _clean(image.info.get("Copyright"))


def _clean(value: object) -> str | None:
    """A text without control characters, None when there is nothing in it."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    return "".join(c for c in value if c.isprintable()).strip()[:LONGEST_NOTICE] or None
