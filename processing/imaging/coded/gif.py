"""A GIF's screen, color tables, frames and loop count."""

import struct
from typing import Final

from processing.imaging.coded.cut import CUT, decodes
from processing.imaging.gif import FRAME, LOOP, blocks, table_bytes
from processing.imaging.gif_reader import repeats

CONTROL, COMMENT, APPLICATION = 0xF9, 0xFE, 0xFF
END: Final = b"\x3b"


def alone(data: bytes) -> list[bytes]:
    count = repeats(data)
    loop = b"" if count is None else LOOP + struct.pack("<H", count) + b"\0"
    parts = [b"GIF89a", data[6:12], b"\0", data[13 : 13 + table_bytes(data[10])], loop]
    control = b""
    for start, end in blocks(data):
        label = data[start + 1]
        if data[start] == FRAME:
            parts += [control, data[start:end]]
            control = b""
        elif label == CONTROL:
            control = data[start : start + 7] + b"\0"
        elif label not in (COMMENT, APPLICATION):
            raise ValueError("text over the picture")
    return [*parts, END]


def hides_nothing(coded: bytes) -> bool:
    """Whether each frame lies on the screen, and needs its codes to the last."""
    width, height = struct.unpack_from("<HH", coded, 6)
    for start, _ in blocks(coded):
        if coded[start] != FRAME:
            continue
        left, top, w, h, flags = struct.unpack_from("<4HB", coded, start + 1)
        pixels = start + 11 + table_bytes(flags)
        codes = _packed(_unpacked(coded, pixels)[:-CUT])
        screen = coded[:6] + struct.pack("<HH", w, h) + coded[10 : 13 + table_bytes(coded[10])]
        frame = bytes((FRAME,)) + struct.pack("<4H", 0, 0, w, h) + coded[start + 9 : pixels] + codes
        if left + w > width or top + h > height or decodes("gif", screen + frame + END):
            return False
    return True


def _unpacked(data: bytes, at: int) -> bytes:
    found = []
    while data[at]:
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(found)


def _packed(codes: bytes) -> bytes:
    pieces = (codes[at : at + 255] for at in range(0, len(codes), 255))
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
