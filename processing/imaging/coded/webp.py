"""A WebP's bitstreams, and the frames of its animation. https://developers.google.com/speed/webp/docs/riff_container"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from processing.imaging.coded.cut import CUT, decodes

BITSTREAMS: Final = (b"ALPH", b"VP8 ", b"VP8L")
ALPHA, ANIMATION = 0x10, 0x02
LENGTHS: Final = {b"VP8X": 10, b"ANIM": 6}
FRAME_HEADER: Final = 16

Chunk = tuple[bytes, bytes]


def alone(data: bytes) -> list[bytes]:
    end = 8 + int.from_bytes(data[4:8], "little")
    return [_file([(kind, _cleaned(kind, content)) for kind, content in _chunks(data, 12, end) if _is_kept(kind)])]


def hides_nothing(coded: bytes) -> bool:
    chunks = list(_chunks(coded, 12, len(coded)))
    frames = [content for kind, content in chunks if kind == b"ANMF"]
    stills = [(frame[6:12], list(_chunks(frame, FRAME_HEADER, len(frame)))) for frame in frames]
    canvas = next((content[4:] for kind, content in chunks if kind == b"VP8X"), b"")
    stills = stills or [(canvas, [chunk for chunk in chunks if chunk[0] in BITSTREAMS])]
    are_whole = all(len(content) == LENGTHS.get(kind, len(content)) for kind, content in chunks)
    return are_whole and all(
        parts and not any(decodes("webp", _still(size, parts, cut=kind)) for kind, _ in parts) for size, parts in stills
    )


def _is_kept(kind: bytes) -> bool:
    return kind in BITSTREAMS or kind in LENGTHS or kind == b"ANMF"


def _cleaned(kind: bytes, content: bytes) -> bytes:
    if kind == b"VP8X":
        return bytes((content[0] & (ALPHA | ANIMATION), 0, 0, 0)) + content[4:]
    if kind == b"ANMF":
        inner = _chunks(content, FRAME_HEADER, len(content))
        return content[:FRAME_HEADER] + b"".join(_chunk(*each) for each in inner if each[0] in BITSTREAMS)
    return content


def _still(size: bytes, parts: Sequence[Chunk], *, cut: bytes) -> bytes:
    """A file of one frame, with one of its bitstreams cut."""
    header = [(b"VP8X", bytes((ALPHA, 0, 0, 0)) + size)] if parts[0][0] == b"ALPH" else []
    return _file([*header, *((kind, content[:-CUT] if kind == cut else content) for kind, content in parts)])


def _chunks(data: bytes, at: int, end: int) -> Iterator[Chunk]:
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + length]
        if len(content) != length:
            raise ValueError("a chunk is cut off")
        yield kind, content
        at += 8 + length + length % 2


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _file(chunks: Sequence[Chunk]) -> bytes:
    body = b"WEBP" + b"".join(_chunk(*each) for each in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body
