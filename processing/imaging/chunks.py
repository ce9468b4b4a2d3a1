"""The chunks of a PNG, read without decoding, and which metadata among them Pillow reads without an error."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import PngImagePlugin

FIRST: Final = 8  # after the signature
END: Final = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
SHORTEST: Final = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"acTL": 8, b"fcTL": 26, b"fdAT": 4}
TRANSPARENCY: Final = {0: 2, 2: 6, 3: 1}  # the bytes of tRNS, by color type
SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by color type
ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
LARGEST_PROFILE: Final = 8 << 20  # bytes, as libpng has it
LARGEST_TEXT: Final = PngImagePlugin.MAX_TEXT_CHUNK


@dataclass(frozen=True, slots=True)
class Chunk:
    """``start`` is where its length stands, ``end`` the first byte after its checksum, which may be beyond the file."""

    kind: bytes
    start: int
    end: int

    def content(self, data: bytes) -> bytes:
        return data[self.start + 8 : self.end - 4]

    def has_right_checksum(self, data: bytes) -> bool:
        found = int.from_bytes(data[self.end - 4 : self.end], "big")
        return self.end <= len(data) and zlib.crc32(memoryview(data)[self.start + 4 : self.end - 4]) == found


@dataclass(frozen=True, slots=True)
class PngHeader:
    """IHDR."""

    width: int
    height: int
    bits: int
    color_type: int
    interlaced: bool

    @classmethod
    def of(cls, data: bytes) -> "PngHeader":
        """Raises struct.error when the file ends before."""
        width, height, bits, color_type, interlaced = struct.unpack_from(">IIBB2xB", data, FIRST + 8)
        return cls(width, height, bits, color_type, bool(interlaced))

    def raw_bytes(self, width: int, height: int) -> int:
        """The unpacked size of a frame: a filter's number, and the samples of each row."""
        total = 0
        for left, top, right_by, down_by in ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(width - left) // right_by), -(-(height - top) // down_by)
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * self.bits * SAMPLES.get(self.color_type, 0) + 7) // 8)
        return total


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to the end, or to one that is cut off."""
    at, kind = FIRST, b""
    while at + 8 <= len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        if not kind.isalpha():
            return
        yield Chunk(kind, at, at + 12 + length)
        at += 12 + length


def packed(kind: bytes, content: bytes) -> bytes:
    """A chunk."""
    named = kind + content
    return struct.pack(">I", len(content)) + named + struct.pack(">I", zlib.crc32(named))


def _is_metadata(kind: bytes) -> bool:
    """An ancillary chunk: a small letter begins its name."""
    return bool(kind[0] & 0x20)


def is_readable(chunk: Chunk, data: bytes, header: PngHeader) -> bool:
    """Whether Pillow reads it without an error, or its error concerns the picture."""
    if not _is_metadata(chunk.kind):
        return True
    content = chunk.content(data)
    if not chunk.has_right_checksum(data) or len(content) < SHORTEST.get(chunk.kind, 0):
        return False
    if chunk.kind == b"tRNS":
        return len(content) >= TRANSPARENCY.get(header.color_type, 0)
    if chunk.kind == b"iCCP":
        return 0 < len(profile_of(content)) <= LARGEST_TEXT
    return chunk.kind not in TEXTS or _unpacked_bytes(chunk.kind, content) <= LARGEST_TEXT


def _unpacked_bytes(kind: bytes, content: bytes) -> int:
    """The size of a text, which Pillow limits; more than any limit where Pillow raises an error for its form."""
    _, _, rest = content.partition(b"\0")
    if kind == b"zTXt":
        return len(_unpacked(rest[1:], LARGEST_TEXT)) if rest[:1] in (b"", b"\0") else LARGEST_TEXT + 1
    if kind == b"iTXt" and rest[:2] == b"\1\0":
        _, _, text = rest[2:].partition(b"\0")
        return len(_unpacked(text.partition(b"\0")[2], LARGEST_TEXT))
    return len(content)


def profile_of(content: bytes) -> bytes:
    """The ICC profile, b"" when it cannot be unpacked or is too large."""
    _, _, rest = content.partition(b"\0")
    profile = _unpacked(rest[1:], LARGEST_PROFILE) if rest[:1] == b"\0" else b""
    return profile if len(profile) <= LARGEST_PROFILE else b""


def _unpacked(packed: bytes, most: int) -> bytes:
    """At most one byte more than the limit; b"" for invalid data."""
    try:
        return zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return b""
