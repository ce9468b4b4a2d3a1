"""GIF files: at most 256 colors in a frame, and of each frame only what changed.

A frame with at most 256 colors keeps exactly its own. The colors of any other frame are found in a small sample by
median cut and one round of k-means: on a photograph that is closer to it than Pillow's median cut of all its pixels, in
a third of the time. The next frames keep the palette while its error is as small in every part of them, because then
they need no palette of their own.

Of each frame after the first, the box of the changed pixels is stored; in it, unchanged pixels are transparent, which
compresses best. Where a pixel becomes transparent, its box is cleared after the frame before. Pillow's own writer
stores every frame whole as soon as one has a transparent pixel, which took 25 times the original's bytes.
"""

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from PIL import Image, ImageChops

from processing.imaging.timing import IGNORED, in_units
from processing.picture import Box

SAMPLED_SIDE: Final = 128
TILE: Final = 16  # pixels: the worst tile decides on a palette, so that small details keep their color
OPAQUE_FROM: Final = 128  # the alpha from which a pixel is opaque
WITH_ONE_FREE: Final = 255  # colors: one index is left for transparent pixels

FRAME, EXTENSION, END = 0x2C, 0x21, 0x3B
LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01"
KEPT, CLEARED = 1, 2  # what becomes of a frame's box before the next one
LONGEST: Final = 0xFFFF  # hundredths of a second, and plays


class Indexer:
    """Converts the frames of one animation, or of a still, to indexed colors, one after the other.

    Args:
        most: the most colors of a frame.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._palette: Image.Image | None = None
        self._allowed = 0.0  # the error up to which the next frame keeps the palette

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame in mode P, with an index for transparent pixels if it has any."""
        transparent = _transparency(frame)
        colors = frame.convert("RGB")
        if transparent is not None:
            colors.paste(0, mask=transparent)
        most = self._most if transparent is None else min(self._most, WITH_ONE_FREE)
        found = colors.getcolors(most)
        indexed = self._kept(colors, None if found else self._allowed)
        if indexed is None:
            indexed = self._exact(colors, len(found)) if found else self._chosen(colors)
        if transparent is not None:
            free = len(indexed.getpalette() or ()) // 3
            indexed.paste(free, mask=transparent)
            indexed.info["transparency"] = free
        return indexed

    def _kept(self, colors: Image.Image, allowed: float | None) -> Image.Image | None:
        """With the palette of the frame before; None when its error is too large, or when there is one and may not be.

        A tile's error is a mean, in which a single pixel vanishes.
        """
        if self._palette is None:
            return None
        indexed = _mapped(colors, self._palette)
        if allowed is None:
            return None if ImageChops.difference(colors, indexed.convert("RGB")).getbbox() else indexed
        return indexed if _worst_error(colors, indexed) <= allowed else None

    def _exact(self, colors: Image.Image, count: int) -> Image.Image:
        """With all of its own colors."""
        indexed = colors.quantize(count, Image.Quantize.MEDIANCUT)
        if count <= WITH_ONE_FREE:
            self._palette, self._allowed = indexed, 0.0
        return indexed

    def _chosen(self, colors: Image.Image) -> Image.Image:
        """With a palette that is near its colors."""
        sample = colors.copy()
        sample.thumbnail((SAMPLED_SIDE, SAMPLED_SIDE), Image.Resampling.NEAREST)
        self._palette = sample.quantize(min(self._most, WITH_ONE_FREE), Image.Quantize.MEDIANCUT, kmeans=1)
        indexed = _mapped(colors, self._palette)
        self._allowed = 1.25 * _worst_error(colors, indexed) + 2
        return indexed


@dataclass(frozen=True, slots=True)
class Change:
    """What is stored of a frame: its pixels in ``box``, except those ``unchanged`` (255) since the frame before."""

    frame: Image.Image
    box: Box
    hundredths: int
    disposal: int = KEPT
    unchanged: Image.Image | None = None


def encode(indexed: Iterable[Image.Image], durations: Sequence[float], plays: int) -> bytes:
    """A GIF file of frames in mode P; ``durations`` in milliseconds, ``plays`` 0 for endlessly."""
    frames = iter(indexed)
    first = next(frames)
    table = _table(first)
    screen = b"GIF89a" + struct.pack("<HHBBB", *first.size, 0xF0 | _bits(table), 0, 0) + table
    is_still = plays == 1 or len(durations) == 1
    loop = b"" if is_still else LOOP + struct.pack("<H", min(max(plays - 1, 0), LONGEST)) + b"\0"
    stored = changes(chain([first], frames), in_units(durations, 10))
    return b"".join((screen, loop, *(_block(change, shared=table) for change in stored), bytes((END,))))


def changes(indexed: Iterable[Image.Image], hundredths: Sequence[int]) -> Iterator[Change]:
    """What to store of each frame; a frame that changes nothing prolongs the one before it, where times add up."""
    frames = iter(indexed)
    first = next(frames)
    before = _shown(first)
    last = Change(first, (0, 0, *before.size), hundredths[0])
    for frame, time in zip(frames, hundredths[1:], strict=True):
        shown = _shown(frame)
        adds_up = min(time, last.hundredths) > IGNORED // 10 and time + last.hundredths <= LONGEST
        if adds_up and _unchanged(before, shown).getextrema() == (255, 255):
            last = replace(last, hundredths=last.hundredths + time)
            continue
        vanished = ImageChops.subtract(before.getchannel("A"), shown.getchannel("A")).getbbox()
        if vanished:
            last = replace(last, box=_around(last.box, vanished), disposal=CLEARED)
            before.paste((0, 0, 0, 0), last.box)
        yield last
        unchanged = _unchanged(before, shown)
        box = ImageChops.invert(unchanged).getbbox() or (0, 0, 1, 1)
        last = Change(frame, box, time, unchanged=unchanged)
        before = shown
    yield last


def _block(change: Change, *, shared: bytes) -> bytes:
    """A frame with its control block; with a color table of its own where the shared one does not serve."""
    picture, table = change.frame.crop(change.box), _table(change.frame)
    key = change.frame.info.get("transparency")
    if key is None and change.unchanged is not None and (highest := _highest(change.frame)) < WITH_ONE_FREE:
        key = highest + 1
    if key is not None and change.unchanged is not None:
        picture.paste(key, mask=change.unchanged.crop(change.box))
    flags = change.disposal << 2 | (key is not None)
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", flags, min(change.hundredths, LONGEST), key or 0, 0)
    own = b"" if table == shared else table
    left, top, right, bottom = change.box
    place = struct.pack("<4HB", left, top, right - left, bottom - top, 0x80 | _bits(own) if own else 0)
    return control + bytes((FRAME,)) + place + own + _codes(picture)


def _shown(frame: Image.Image) -> Image.Image:
    """The frame in RGBA; all transparent pixels are equal."""
    shown = frame.convert("RGBA")
    shown.paste((0, 0, 0, 0), mask=ImageChops.invert(shown.getchannel("A")))
    return shown


def _unchanged(before: Image.Image, after: Image.Image) -> Image.Image:
    """255 where two frames are equal, 0 elsewhere."""
    bands = ImageChops.difference(before, after).split()
    largest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), ImageChops.lighter(bands[2], bands[3]))
    return largest.point([255, *[0] * 255])


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _table(frame: Image.Image) -> bytes:
    """The frame's colors, as many as its highest index needs and a power of two, with one more to be transparent."""
    colors = bytes(frame.getpalette() or ())
    count = 2
    while count < min(256, max(len(colors) // 3, _highest(frame) + 1) + 1):
        count *= 2
    return colors[: 3 * count].ljust(3 * count, b"\0")


def _highest(frame: Image.Image) -> int:
    extrema: Any = frame.getextrema()
    return int(extrema[1])


def _bits(table: bytes) -> int:
    return (len(table) // 3).bit_length() - 2


def _codes(picture: Image.Image) -> bytes:
    """The compressed pixels of a picture, with the number in front that says how they are coded."""
    indices = Image.frombytes("L", picture.size, picture.tobytes())  # as L, Pillow writes them without a change
    out = io.BytesIO()
    indices.save(out, "GIF", interlace=0, optimize=False)
    file = out.getvalue()
    (start,) = (start for start, _ in blocks(file) if file[start] == FRAME)
    return file[start + 10 + table_bytes(file[start + 9]) : -1]


def blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each frame and each extension of a GIF begins and ends.

    Raises:
        ValueError, IndexError: there is something else, or no end.
    """
    at = 13 + table_bytes(data[10])
    while data[at] != END:
        if data[at] not in (FRAME, EXTENSION):
            raise ValueError(f"not a block of a GIF: {data[at]}")
        end = at + 2 if data[at] == EXTENSION else at + 11 + table_bytes(data[at + 9])
        while data[end]:
            end += 1 + data[end]
        yield at, end + 1
        at = end + 1


def table_bytes(flags: int) -> int:
    """The length of the color table that a screen's or a frame's flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _transparency(frame: Image.Image) -> Image.Image | None:
    """A mask of the transparent pixels, None without any."""
    if frame.mode != "RGBA":
        return None
    transparent = frame.getchannel("A").point(lambda level: 0 if level >= OPAQUE_FROM else 255)
    return transparent if transparent.getbbox() else None


def _mapped(colors: Image.Image, palette: Image.Image) -> Image.Image:
    return colors.quantize(palette=palette, dither=Image.Dither.NONE)


def _worst_error(colors: Image.Image, indexed: Image.Image) -> float:
    """The largest mean error, in levels, of any band of any tile."""
    tiles = ImageChops.difference(colors, indexed.convert("RGB")).reduce(TILE)
    extrema: Any = tiles.getextrema()
    return float(max(high for _, high in extrema))
