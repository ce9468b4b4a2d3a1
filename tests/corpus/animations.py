"""Animations, byte by byte: frames of any place, disposal and blending, which Pillow does not write."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from tests.corpus.files import chunk, rows
from tests.corpus.samples import saved

KEEP, BACKGROUND, PREVIOUS, UNSPECIFIED = range(4)
GIF_DISPOSALS = {KEEP: 1, BACKGROUND: 2, PREVIOUS: 3, UNSPECIFIED: 0}
COLOR_TYPES = {"L": 0, "RGB": 2, "P": 3, "LA": 4, "RGBA": 6}
CLEAR, END, BEFORE_CLEAR = 256, 257, 250


@dataclass(frozen=True)
class Frame:
    """What a file stores of one frame; ``time`` in the units of the format: ms, in a GIF hundredths of a second.

    A GIF's frame without a time has no control block. ``over`` blends it over the frame before, otherwise it replaces
    it; a GIF blends always.
    """

    picture: Image.Image
    at: tuple[int, int] = (0, 0)
    time: int | tuple[int, int] | None = 50
    disposal: int = KEEP
    over: bool = False


def apng(
    frames: Sequence[Frame],
    *,
    plays: int = 0,
    cover: Image.Image | None = None,
    deep: bool = False,
    interlaced: bool = False,
    tables: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """An animated PNG; all frames are in the mode of the first.

    Args:
        cover: the picture for viewers without animation, otherwise the first frame is that too.
        tables: the chunks PLTE and tRNS.
    """
    first = cover or frames[0].picture
    header = struct.pack(">2I5B", *first.size, 16 if deep else 8, COLOR_TYPES[first.mode], 0, 0, interlaced)
    parts = [(b"IHDR", header), (b"acTL", struct.pack(">2I", len(frames), plays)), *tables]
    number = 0
    if cover:
        parts.append((b"IDAT", zlib.compress(rows(cover, deep=deep, interlaced=interlaced))))
    for frame in frames:
        delay = frame.time if isinstance(frame.time, tuple) else (frame.time, 1000)
        place = (*frame.picture.size, *frame.at)
        parts.append((b"fcTL", struct.pack(">5I2H2B", number, *place, *delay, frame.disposal, frame.over)))
        number += 1
        pixels = zlib.compress(rows(frame.picture, deep=deep, interlaced=interlaced))
        if any(kind == b"IDAT" for kind, _ in parts):
            parts.append((b"fdAT", struct.pack(">I", number) + pixels))
            number += 1
        else:
            parts.append((b"IDAT", pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in (*parts, (b"IEND", b"")))


def gif(
    frames: Sequence[Frame],
    *,
    size: tuple[int, int] | None = None,
    table: bytes = b"",
    repeats: int | None = None,
    background: int = 0,
    interlaced: bool = False,
    loop: bytes = b"NETSCAPE2.0",
) -> bytes:
    """An animated GIF of frames in mode P, each with its own table unless there is one for all.

    A picture's ``info["transparency"]`` is its transparent index.
    """
    width, height = size or frames[0].picture.size
    out = [b"GIF89a", struct.pack("<2H3B", width, height, 0xF7 if table else 0x70, background, 0)]
    out.append(table.ljust(768, b"\0") if table else b"")
    if repeats is not None:
        out.append(loop_block(repeats, loop))
    for frame in frames:
        key = frame.picture.info.get("transparency")
        flags = GIF_DISPOSALS[frame.disposal] << 2 | (key is not None)
        if frame.time is not None:
            out.append(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, frame.time, key or 0, 0))
        own = b"" if table else bytes(frame.picture.getpalette("RGB") or ()).ljust(768, b"\0")
        flags = (0x87 if own else 0) | (0x40 if interlaced else 0)
        out.append(b"\x2c" + struct.pack("<4HB", *frame.at, *frame.picture.size, flags) + own)
        out.append(_codes(_in_order(frame.picture, interlaced=interlaced)))
    return b"".join((*out, b"\x3b"))


def loop_block(repeats: int, name: bytes = b"NETSCAPE2.0", *, before: bytes = b"") -> bytes:
    """A GIF's count of repetitions; ``before`` it another piece."""
    return b"\x21\xff\x0b" + name + before + b"\x03\x01" + struct.pack("<H", repeats) + b"\0"


def webp(
    frames: Sequence[Frame], *, size: tuple[int, int], plays: int = 0, background: bytes = bytes(4), alpha: bool = True
) -> bytes:
    """An animated WebP of lossless frames; each is at even coordinates.

    Args:
        background: blue, green, red, alpha.
        alpha: whether the header announces transparency.
    """
    whole = struct.pack("<I", size[0] - 1)[:3] + struct.pack("<I", size[1] - 1)[:3]
    parts = [_riff(b"VP8X", bytes((0x12 if alpha else 0x02, 0, 0, 0)) + whole)]
    parts.append(_riff(b"ANIM", background + struct.pack("<H", plays)))
    for frame in frames:
        numbers = (frame.at[0] // 2, frame.at[1] // 2, *(side - 1 for side in frame.picture.size), frame.time)
        place = b"".join(struct.pack("<I", number)[:3] for number in numbers)
        flags = bytes(((0 if frame.over else 2) | (frame.disposal == BACKGROUND),))
        still = saved(frame.picture, "WEBP", lossless=True, exact=True)
        parts.append(_riff(b"ANMF", place + flags + still[still.index(b"VP8L") :]))
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _in_order(picture: Image.Image, *, interlaced: bool) -> bytes:
    width, height = picture.size
    steps = ((0, 8), (4, 8), (2, 4), (1, 2)) if interlaced else ((0, 1),)
    pixels = picture.tobytes()
    return b"".join(pixels[y * width : (y + 1) * width] for start, by in steps for y in range(start, height, by))


def _codes(pixels: bytes) -> bytes:
    """LZW without compression: nine bits for each pixel, and a clear code before ten are needed."""
    codes = []
    for at in range(0, len(pixels), BEFORE_CLEAR):
        codes += [CLEAR, *pixels[at : at + BEFORE_CLEAR]]
    bits = sum(code << 9 * number for number, code in enumerate([*codes, END]))
    packed = bits.to_bytes((9 * (len(codes) + 1) + 7) // 8, "little")
    pieces = [packed[at : at + 255] for at in range(0, len(packed), 255)]
    return b"\x08" + b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
