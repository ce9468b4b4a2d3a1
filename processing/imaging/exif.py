"""The metadata that is read: orientation, the time the picture was taken, the copyright notice."""

import re
import struct
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PIL import Image, IptcImagePlugin, PngImagePlugin

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
    tags[COPYRIGHT] = notice.encode()  # UTF-8, as others write it: EXIF has no other way before version 3.0
    return tags.tobytes()


def _tags(image: Image.Image) -> Image.Exif:
    tags = Image.Exif()
    try:
        if image.format == "TIFF":
            return image.getexif()
        # Not by getexif(): where there is no EXIF, that takes the orientation from XMP, which no browser does
        tags.load(_without_utf8_type(image.info.get("exif") or _in_text(image)))
    except BROKEN:
        return Image.Exif()
    return tags


def _without_utf8_type(block: bytes) -> bytes:
    """A copyright notice of EXIF 3.0's type 129 (UTF-8) made one of type 2, because Pillow does not read the former."""
    return block.replace(b"\x98\x82\x81\0", b"\x98\x82\2\0").replace(b"\x82\x98\0\x81", b"\x82\x98\0\2")


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
    """A text without control characters, None when it is empty; EXIF has a NUL between photographer's and editor's."""
    if not isinstance(value, str | bytes):
        return None
    parts = (
        "".join(c for c in part if c.isprintable() or unicodedata.category(c) == "Zs").strip()
        for part in _decoded(value).split("\0")
    )
    return "; ".join(part for part in parts if part)[:LONGEST_NOTICE] or None


def _decoded(value: str | bytes) -> str:
    """UTF-8 where it is valid, otherwise Windows' or ISO's Latin-1: the metadata seldom says which.

    Pillow gives texts as if in Latin-1, except for those that PNG defines as UTF-8.
    """
    if isinstance(value, PngImagePlugin.iTXt):
        return value
    raw = value.encode("latin-1") if isinstance(value, str) else value
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
