"""A PNG's header, palette, transparency and rows, and the same of each frame of an animation."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PARTS: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
PALETTE: Final = 3  # the color type
SAMPLES: Final = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}  # of a pixel, by color type
ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

Chunk = tuple[bytes, bytes]


def alone(data: bytes) -> list[bytes | memoryview]:
    view = memoryview(data)
    colored = data[25] == PALETTE
    parts: list[bytes | memoryview] = [SIGNATURE]
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in PARTS and (colored or kind != b"PLTE"):  # elsewhere a palette is only a suggestion
            parts.append(view[at : at + 12 + length])
        elif kind[:1].isupper() and kind not in PARTS:
            raise ValueError(f"an unknown chunk that no reader may skip: {kind!r}")
        at += 12 + length
    if at > len(data):
        raise ValueError("a chunk is cut off")
    return parts


def hides_nothing(coded: bytes) -> bool:
    """Whether each stream of compressed rows ends with its last row, and each chunk with its content."""
    chunks = list(_chunks(coded))
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    most = {b"PLTE": 3 << depth, b"tRNS": {0: 2, 2: 6, PALETTE: 1 << depth}.get(color_type, 0)}
    most |= {b"IEND": 0, b"acTL": 8, b"fcTL": 26, b"IHDR": 13}
    bits = depth * SAMPLES[color_type]
    streams = _streams(chunks, (width, height))
    return all(len(content) <= most.get(kind, len(content)) for kind, content in chunks) and all(
        _inflates_to(bytes(packed), _rows(w, h, bits, interlaced=bool(interlaced))) for w, h, packed in streams
    )


def _streams(chunks: list[Chunk], size: tuple[int, int]) -> list[tuple[int, int, bytearray]]:
    """Width, height and compressed rows of each frame; raises ValueError for a picture that is not among them."""
    streams: list[tuple[int, int, bytearray]] = []
    for kind, content in chunks:
        if kind == b"fcTL":
            streams.append((*struct.unpack_from(">II", content, 4), bytearray()))
        elif kind in (b"IDAT", b"fdAT"):
            if not streams and any(each == b"fcTL" for each, _ in chunks):
                raise ValueError("a picture that only viewers without animation show")
            streams = streams or [(*size, bytearray())]
            streams[-1][2].extend(content[4:] if kind == b"fdAT" else content)
    return streams


def _chunks(data: bytes) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _rows(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """The bytes of all rows, each with its filter's number in front."""
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-((x - width) // across), -((y - height) // down)) for x, y, across, down in passes]
    return sum(h * (1 + (w * bits + 7) // 8) for w, h in sizes if w > 0 and h > 0)


def _inflates_to(packed: bytes, length: int) -> bool:
    unpacker = zlib.decompressobj()
    return len(unpacker.decompress(packed, length + 1)) == length and unpacker.eof and not unpacker.unused_data
