"""GIF files, read: which frames a file stores, each decoded alone, to be laid over each other as browsers do."""

import io
import struct
from collections.abc import Iterator
from typing import Final

from PIL import GifImagePlugin, Image

from processing.imaging.gif import END, EXTENSION, FRAME, table_bytes
from processing.imaging.motion import CLEARED, KEPT, TAKEN_BACK, StoredFrame
from processing.picture import Size

CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
DISPOSALS: Final = {2: CLEARED, 3: TAKEN_BACK}
HUNDREDTH: Final = 10  # milliseconds


class GifFile(GifImagePlugin.GifImageFile):
    """Pillow's reader, from a BytesIO; for the pixels of a still picture that fills its screen alone."""

    is_composed = False  # whether its pixels come from `stored_frames`
    colors = 0  # of its largest table

    def _open(self) -> None:
        super()._open()
        assert isinstance(self.fp, io.BytesIO)
        data = self.fp.getvalue()
        frames = [start for start, _ in blocks(data) if data[start] == FRAME]
        self.is_composed = [_box(data, start) for start in frames] != [(0, 0, *self.size)]
        self.colors = max(table_bytes(flags) // 3 for flags in (data[10], *(data[start + 9] for start in frames)))
        count = repeats(data)
        if count is not None:
            self.info["loop"] = count


def scan(data: bytes, max_frames: int) -> tuple[Size, int]:
    """The size around all frames, since one may lie outside the screen, and their number, up to one above the limit.

    Raises:
        struct.error, EOFError, LookupError: the file is truncated.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    frames = 0
    for start, _ in blocks(data):
        if data[start] == FRAME:
            left, top, w, h = _box(data, start)
            width, height, frames = max(width, left + w), max(height, top + h), frames + 1
        if frames > max_frames:
            break
    return (width, height), max(frames, 1)


def stored_frames(data: bytes) -> Iterator[StoredFrame]:
    """Decode one frame after the other; ``data`` has been scanned.

    Raises:
        OSError and others that Pillow raises: the bytes are at fault.
    """
    flags, delay, key = 0, 0, 0
    for start, end in blocks(data):
        if data[start] == FRAME:
            has_key, disposal = bool(flags & 1), DISPOSALS.get(flags >> 2 & 7, KEPT)
            place, duration = _box(data, start)[:2], delay * HUNDREDTH
            yield StoredFrame(
                _picture(data, start, end, key if has_key else None), place, duration, disposal, over=has_key
            )
            flags, delay, key = 0, 0, 0
        elif data[start + 1] == CONTROL and data[start + 2] >= 4:
            flags, delay, key = struct.unpack_from("<BHB", data, start + 3)


def blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each frame and each extension begins and ends; bytes between them are skipped, and an end may be missing.

    Raises:
        EOFError, LookupError: the file is truncated.
    """
    at = 13 + table_bytes(data[10])
    while at < len(data) and data[at] != END:
        start = at
        if data[start] == EXTENSION:
            at = _after_pieces(data, start + 2)
        elif data[start] == FRAME:
            at = _after_pieces(data, start + 11 + table_bytes(data[start + 9]))
        else:
            at += 1
            continue
        yield start, at


def _after_pieces(data: bytes, at: int) -> int:
    while at < len(data):
        if data[at] == 0:
            return at + 1
        at += data[at] + 1
    raise EOFError("the file is truncated")


def _box(data: bytes, start: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a frame."""
    left, top, width, height = struct.unpack_from("<4H", data, start + 1)
    return left, top, width, height


def repeats(data: bytes) -> int | None:
    """How often the animation is repeated, 0 for endlessly, None without a count: the last one is valid, anywhere."""
    found = None
    for start, end in blocks(data):
        if data[start + 1] == APPLICATION and data[start + 3 : start + 14] in LOOPS:
            at = start + 14
            while at + 4 < end:
                if data[at] == 3 and data[at + 1] == 1:
                    found = int.from_bytes(data[at + 2 : at + 4], "little")
                at += data[at] + 1
    return found


def _picture(data: bytes, start: int, end: int, key: int | None) -> Image.Image:
    """A frame alone, in RGBA."""
    _, _, width, height = _box(data, start)
    if not width or not height:
        return Image.new("RGBA", (width, height))
    flags, shared = data[start + 9], data[10]
    pixels = start + 10 + table_bytes(flags)
    table = data[start + 10 : pixels] or data[13 : 13 + table_bytes(shared)]
    bits = (flags if flags & 0x80 else shared) & 0x87
    screen = b"GIF89a" + struct.pack("<2H3B", width, height, bits, 0, 0) + table
    control = b"" if key is None else b"\x21\xf9\x04" + struct.pack("<BHBB", 1, 0, key, 0)
    frame = bytes((FRAME,)) + struct.pack("<4HB", 0, 0, width, height, flags & 0x40) + data[pixels:end]
    with GifImagePlugin.GifImageFile(io.BytesIO(screen + control + frame + bytes((END,)))) as image:
        return image.convert("RGBA")
