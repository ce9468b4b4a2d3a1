"""Files that Pillow does not write: PNG of 16 bits and interlaced, JPEG with more segments, GIF with more blocks."""

import struct
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png(
    image: Image.Image, *, deep: bool = False, interlaced: bool = False, chunks: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """A PNG of 8 bits, or of 16 whose low bytes differ from the high ones; ``chunks`` stand before the pixels."""
    colour_type = COLOUR_TYPES[len(image.getbands())]
    header = struct.pack(">IIBBBBB", *image.size, 16 if deep else 8, colour_type, 0, 0, interlaced)
    pixels = zlib.compress(rows(image, deep=deep, interlaced=interlaced))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def rows(image: Image.Image, *, deep: bool = False, interlaced: bool = False) -> bytes:
    """The unfiltered rows of a PNG, in the order of its passes."""
    bands, (width, height) = len(image.getbands()), image.size
    samples = image.tobytes()
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    return b"".join(b"\0" + row for each in passes for row in _rows(samples, width, height, bands, each, deep=deep))


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
