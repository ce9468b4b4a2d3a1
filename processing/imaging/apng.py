"""The frames of an animated PNG: whether they are complete and fit together, without decoding one."""

import struct
import zlib
from typing import Final

from processing.imaging.chunks import Chunk, PngHeader, chunks

ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
STEP: Final = 1 << 16  # bytes that are unpacked at a time


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
            width, height, left, top = struct.unpack_from(">4I", data, chunk.start + 12)
            inside = 0 < width <= header.width - left and 0 < height <= header.height - top
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
            width, height = struct.unpack_from(">II", data, chunk.start + 12)
            parts, size = [], header.raw_bytes(width, height)
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
