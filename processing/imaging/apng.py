"""The frames of an animated PNG, not decoded: whether they are complete and fit together, and each as a file."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from processing.imaging.chunks import END, FIRST, Chunk, PngHeader, chunks, packed

ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
STEP: Final = 1 << 16  # bytes that are unpacked at a time
SHARED: Final = (b"PLTE", b"tRNS")  # by all frames


@dataclass(frozen=True, slots=True)
class Control:
    """fcTL, from the width on: https://www.w3.org/TR/png-3/#fcTL-chunk"""

    width: int
    height: int
    left: int
    top: int
    numerator: int
    denominator: int
    disposal: int
    over: bool

    @classmethod
    def of(cls, data: bytes, chunk: Chunk) -> "Control":
        return cls(*struct.unpack_from(">4I2HB?", data, chunk.start + 12))

    @property
    def duration(self) -> float:
        """In milliseconds."""
        return 1000 * self.numerator / (self.denominator or 100)


def is_animation(found: list[Chunk], kept: list[Chunk], data: bytes, header: PngHeader) -> bool:
    """Whether the chunks of an animation are all there and fit together, or there is none.

    Raises:
        EOFError: the file ends before its animation does.
    """
    declared = [chunk for chunk in found if chunk.kind in ANIMATION]
    if not any(chunk.kind == b"acTL" for chunk in found):
        return not declared
    if found[-1].kind != b"IEND" and not _frames_are_complete(declared, data):
        raise EOFError("the file is truncated")
    if declared != [chunk for chunk in kept if chunk.kind in ANIMATION]:
        return False
    return _frames_fit(kept, data, header)


def _frames_are_complete(declared: list[Chunk], data: bytes) -> bool:
    start = next(chunk for chunk in declared if chunk.kind == b"acTL")
    count = int.from_bytes(start.content(data)[:4], "big")
    controls = sum(chunk.kind == b"fcTL" for chunk in declared)
    return controls >= count and declared[-1].kind == b"fdAT" and declared[-1].end <= len(data)


def _frames_fit(kept: list[Chunk], data: bytes, header: PngHeader) -> bool:
    """As the specification numbers them: https://www.w3.org/TR/png-3/#apng-frame-based-animation"""
    kinds = [chunk.kind for chunk in kept]
    if kinds.count(b"acTL") != 1 or b"IDAT" not in kinds or kinds.index(b"acTL") > kinds.index(b"IDAT"):
        return False
    (count,) = struct.unpack_from(">I", data, kept[kinds.index(b"acTL")].start + 8)
    number, begun, has_data = 0, 0, True
    for chunk in kept:
        has_data = has_data or chunk.kind in (b"IDAT", b"fdAT")
        if chunk.kind not in (b"fcTL", b"fdAT"):
            continue
        if int.from_bytes(data[chunk.start + 8 : chunk.start + 12], "big") != number:
            return False
        number += 1
        if chunk.kind == b"fcTL":
            frame = Control.of(data, chunk)
            inside = 0 < frame.width <= header.width - frame.left and 0 < frame.height <= header.height - frame.top
            if not has_data or not inside:
                return False
            begun, has_data = begun + 1, False
        elif not begun:
            return False
    return has_data and 0 < count <= begun


def has_whole_frames(data: bytes) -> bool:
    """Whether every frame of an animation unpacks to its size; ``data`` has been opened, and its size been checked."""
    header = PngHeader.of(data)
    parts: list[bytes] = []
    size = header.raw_bytes(header.width, header.height)
    for chunk in chunks(data):
        if chunk.kind == b"fcTL":
            if parts and not _unpacks_to(parts, size):
                return False
            frame = Control.of(data, chunk)
            parts, size = [], header.raw_bytes(frame.width, frame.height)
        elif chunk.kind == b"fdAT":
            parts.append(chunk.content(data)[4:])
        elif chunk.kind == b"IDAT":
            parts.append(chunk.content(data))
    return not parts or _unpacks_to(parts, size)


def has_whole_still(data: bytes) -> bool:
    """Whether the picture for viewers without animation unpacks to its size."""
    header = PngHeader.of(data)
    parts = [chunk.content(data) for chunk in chunks(data) if chunk.kind == b"IDAT"]
    return _unpacks_to(parts, header.raw_bytes(header.width, header.height))


def frame_files(data: bytes) -> Iterator[tuple[Control, bytes]]:
    """Each frame of the animation as a PNG of its own; ``data`` has whole frames."""
    shared = b""
    control: Control | None = None
    parts: list[bytes] = []
    for chunk in chunks(data):
        if chunk.kind in SHARED:
            shared += data[chunk.start : chunk.end]
        elif chunk.kind in (b"fcTL", b"IEND"):
            if control:
                yield control, _file(data, control, shared, parts)
            control, parts = (Control.of(data, chunk), []) if chunk.kind == b"fcTL" else (None, [])
        elif chunk.kind in (b"IDAT", b"fdAT"):
            parts.append(chunk.content(data)[4 if chunk.kind == b"fdAT" else 0 :])
    if control:
        yield control, _file(data, control, shared, parts)


def _file(data: bytes, control: Control, shared: bytes, parts: list[bytes]) -> bytes:
    header = struct.pack(">2I", control.width, control.height) + data[FIRST + 16 : FIRST + 21]
    return b"".join((data[:FIRST], packed(b"IHDR", header), shared, packed(b"IDAT", b"".join(parts)), END))


def _unpacks_to(parts: list[bytes], size: int) -> bool:
    unpacker, found = zlib.decompressobj(), 0
    try:
        for part in parts:
            rest = part
            while rest and found < size:
                found += len(unpacker.decompress(rest, STEP))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return found >= size
