"""The metadata that is read: orientation, the time the picture was taken, the copyright notice."""

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PIL import Image, IptcImagePlugin

ORIENTATION, COPYRIGHT, EXIF_IFD, TAKEN, TAKEN_OFFSET, MAKER_NOTE = 0x0112, 0x8298, 0x8769, 0x9003, 0x9011, 0x927C
IPTC_COPYRIGHT: Final = (2, 116)
LONGEST_NOTICE: Final = 1000

# What Pillow raises for invalid metadata, which does not make an image invalid
BROKEN: Final = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)


@dataclass(frozen=True, slots=True)
class Metadata:
    """``orientation`` is EXIF's 1 to 8, 1 when unknown; ``created`` is ISO 8601."""

    orientation: int = 1
    created: str | None = None
    copyright: str | None = None


def read(image: Image.Image) -> Metadata:
    """The metadata; invalid parts of it are ignored."""
    tags = _tags(image)
    # Pillow rotates a TIFF's pixels when it loads them, and its size is already as shown
    turn = 1 if image.format == "TIFF" else tags.get(ORIENTATION)
    return Metadata(
        orientation=turn if isinstance(turn, int) and 1 <= turn <= 8 else 1,
        created=_created(tags),
        copyright=_clean(tags.get(COPYRIGHT)) or _other_notice(image),
    )


def maker_note(image: Image.Image) -> bytes:
    """The camera's own notes; b"" for none."""
    try:
        note = _tags(image).get_ifd(EXIF_IFD).get(MAKER_NOTE)
    except BROKEN:
        return b""
    return note if isinstance(note, bytes) else b""


def copyright_only(notice: str) -> bytes:
    """EXIF data with only a copyright notice, after the marker ``Exif``."""
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
    """The EXIF data of a PNG from before 2017, when PNG had no chunk for it: hexadecimal digits in a text chunk."""
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
    """A text without control characters, None when it is empty."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    return "".join(c for c in value if c.isprintable()).strip()[:LONGEST_NOTICE] or None
