"""Files that Pillow does not write: PNG of 16 bits and interlaced, BMP with alpha, JPEG with more segments, GIF with
more blocks.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png(
    image: Image.Image, *, deep: bool = False, interlaced: bool = False, chunks: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """A PNG of 8 bits, or of 16 whose low bytes differ from the high ones; ``chunks`` stand before the pixels."""
    color_type = COLOR_TYPES[len(image.getbands())]
    header = struct.pack(">IIBBBBB", *image.size, 16 if deep else 8, color_type, 0, 0, interlaced)
    pixels = zlib.compress(rows(image, deep=deep, interlaced=interlaced))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def rows(image: Image.Image, *, deep: bool = False, interlaced: bool = False) -> bytes:
    """The unfiltered rows of a PNG, in the order of its passes."""
    bands, (width, height) = len(image.getbands()), image.size
    samples = image.tobytes()
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    return b"".join(b"\0" + row for each in passes for row in _rows(samples, width, height, bands, each, deep=deep))


def deep_png(color_type: int, rows: Sequence[Sequence[int]], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits with these samples, and ``chunks`` before the pixels."""
    width = len(rows[0]) // {0: 1, 2: 3, 4: 2, 6: 4}[color_type]
    packed = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows), 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(packed)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


BMP_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp(
    image: Image.Image, *, header: int = 124, space: int = 0x73524742, numbers: bytes = b"", icc: bytes = b""
) -> bytes:
    """A BMP of 32 bits with a mask for alpha, whose header has this size.

    Args:
        space: the kind of its color space, sRGB's by default; ``numbers`` its end points and exponents.
        icc: the profile that follows the pixels.
    """
    image = image.convert("RGBA")
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    start = 14 + header
    fields = struct.pack("<IiiHHIIiiII", header, *image.size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    fields += struct.pack("<4I", *BMP_MASKS)
    colors = struct.pack("<I", space) + numbers.ljust(48, b"\0")
    colors += struct.pack("<4I", 4, header + len(pixels), len(icc), 0)
    content = (fields + colors)[:header] + pixels + icc
    return b"BM" + struct.pack("<IHHI", 14 + len(content), 0, 0, start) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def chunks_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG."""
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with more segments in front of its own."""
    front = b"".join(struct.pack(">BBH", 0xFF, number, len(content) + 2) + content for number, content in segments)
    return jpeg[:2] + front + jpeg[2:]


def with_blocks(gif: bytes, label: int, name: bytes, content: bytes) -> bytes:
    """A GIF with an extension before its end."""
    pieces = [content[at : at + 255] for at in range(0, len(content), 255)]
    blocks = b"".join(bytes((len(piece),)) + piece for piece in ([name] if name else []) + pieces)
    return gif[:-1] + bytes((0x21, label)) + blocks + b"\0" + gif[-1:]


def _rows(
    samples: bytes, width: int, height: int, bands: int, each: tuple[int, int, int, int], *, deep: bool
) -> Iterator[bytes]:
    left, top, right_by, down_by = each
    for y in range(top, height, down_by):
        row = b"".join(
            samples[(y * width + x) * bands : (y * width + x + 1) * bands] for x in range(left, width, right_by)
        )
        if row:
            yield bytes(part for value in row for part in (value, 255 - value)) if deep else row
