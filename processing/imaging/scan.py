"""What must be known of a file before Pillow opens it.

It makes room for every pixel of a WebP at once; it widens a GIF for a frame that lies outside, and reads on to the end
to count them; it reads on when half of a TIFF's tags are missing, and takes the picture for another kind; and pi-heif
(1.4.0) crashes on a HEIC whose parts have names that are no text.
"""

import struct
from dataclasses import dataclass
from typing import Final

from processing.picture import Size

TIFF_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read of a header without opening the file; ``frames`` stops just above the limit."""

    size: Size
    frames: int


def scan(image_format: str, data: bytes, *, max_frames: int) -> Scan | None:
    """Size and frames of the formats for which Pillow makes room, or walks the whole file, as soon as they are opened.

    Raises:
        struct.error, EOFError, UnicodeDecodeError: it breaks off, or is broken where its reader takes no care.
    """
    if image_format == "tiff":
        _check_tags(data)
    if image_format == "heic":
        _check_names(data)
    if image_format == "gif":
        return _scan_gif(data, max_frames)
    if image_format == "webp":
        return Scan(_webp_size(data), _webp_frames(data, max_frames))
    return None


def late_exif(data: bytes) -> bytes:
    """The EXIF data that a PNG has behind its pixels, where Pillow looks only after decoding them; b"" for none."""
    at = data.find(b"IDAT") - 4
    while 0 < at <= len(data) - 12:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            return data[at + 8 : at + 8 + length]
        at += 12 + length
    return b""


def _webp_size(data: bytes) -> Size:
    """The canvas, as https://developers.google.com/speed/webp/docs/riff_container has it."""
    kind = data[12:16]
    if kind == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _webp_frames(data: bytes, max_frames: int) -> int:
    """The frames of an animation, 1 for a still: chunks are counted, none is decoded."""
    frames, at = 0, 12
    while at + 8 <= len(data) and frames <= max_frames:
        frames += data[at : at + 4] == b"ANMF"
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + length % 2
    return max(frames, 1)


def _scan_gif(data: bytes, max_frames: int) -> Scan:
    """Walk the blocks without decoding any: a frame may lie outside the screen, and Pillow would widen it."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    frames, at = 0, 13 + _table_bytes(flags)
    while at < len(data) and frames <= max_frames and data[at] != 0x3B:
        if data[at] == 0x21:
            at = _after_blocks(data, at + 2)
        elif data[at] == 0x2C:
            left, top, w, h, flags = struct.unpack_from("<4HB", data, at + 1)
            width, height, frames = max(width, left + w), max(height, top + h), frames + 1
            at = _after_blocks(data, at + 11 + _table_bytes(flags))
        else:
            at += 1
    return Scan((width, height), max(frames, 1))


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while at < len(data):
        if data[at] == 0:
            return at + 1
        at += data[at] + 1
    raise EOFError("the file breaks off")


def _check_names(data: bytes) -> None:
    """The type and the name of every item of a HEIC are text: ISO/IEC 14496-12, section 8.11.6."""
    at = data.find(b"infe")
    while at >= 4:
        end = at - 4 + int.from_bytes(data[at - 4 : at], "big")
        data[at + 12 : end].decode()  # what goes before is numbers: version, flags, id, protection
        at = data.find(b"infe", at + 4)


def _check_tags(data: bytes) -> None:
    """Walk a TIFF's first directory: each tag and each value that it points to must be there."""
    order = "<" if data.startswith(b"II") else ">"
    if data[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        first, count, entry, value = "8xQ", "Q", "HHQ", "Q"
    else:
        first, count, entry, value = "4xI", "H", "HHI", "I"
    (at,) = struct.unpack_from(order + first, data)
    (tags,) = struct.unpack_from(order + count, data, at)
    at += struct.calcsize(order + count)
    for _ in range(tags):
        _, kind, length = struct.unpack_from(order + entry, data, at)
        at += struct.calcsize(order + entry)
        (where,) = struct.unpack_from(order + value, data, at)
        at += struct.calcsize(order + value)
        size = length * TIFF_TYPE_BYTES.get(kind, 0)
        if size > struct.calcsize(value) and where + size > len(data):
            raise EOFError("the file breaks off")
