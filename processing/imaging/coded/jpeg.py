"""A JPEG's tables, frame and scan. Only baseline, with one scan and no restarts, which is what cameras write.

Before a marker inside or between scans, libjpeg skips any bytes without a word: there, nothing proves that none hide.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

from processing.imaging.coded.cut import CUT, decodes

JFIF: Final = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"  # without the density and the thumbnail
ADOBE: Final = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"  # and the color transform
SOF0, SOF1, DHT, SOS, DQT, DRI, APP0, APP14, APP15, COM = 0xC0, 0xC1, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE, 0xEF, 0xFE
MARKER: Final = re.compile(rb"\xff[^\0]")
END: Final = b"\xff\xd9"

Tables = dict[tuple[int, int], bytes]  # by marker, and by class and number


def alone(data: bytes) -> list[bytes | memoryview]:
    before, frame, at = b"\xff\xd8", b"", 2
    tables: Tables = {}
    while True:
        start, marker, length = struct.unpack_from(">BBH", data, at)
        segment, content = data[at : at + 2 + length], data[at + 4 : at + 2 + length]
        at += 2 + length
        if start != 0xFF or len(segment) != length + 2:
            raise ValueError("not a segment")
        if marker == SOS:
            return [before, *_used(tables, frame, segment), memoryview(data)[at : _end_of_scan(data, at)], END]
        if marker in (DQT, DHT):
            tables |= {(marker, name): table for name, table in _tables(marker, content)}
        elif marker in (SOF0, SOF1):
            frame = segment
        elif marker == APP0 and content.startswith(b"JFIF\0"):
            before += JFIF
        elif marker == APP14 and content.startswith(b"Adobe"):
            before += ADOBE + content[11:12]
        elif not (APP0 <= marker <= APP15 or marker == COM or (marker == DRI and content == bytes(2))):
            raise ValueError(f"marker {marker:02x}")


def hides_nothing(coded: bytes) -> bool:
    return not decodes("jpeg", coded[: -len(END) - CUT])


def _tables(marker: int, content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        length = (129 if content[at] >> 4 else 65) if marker == DQT else 17 + sum(content[at + 1 : at + 17])
        yield content[at], content[at : at + length]
        at += length
    if at != len(content):
        raise ValueError("a table is cut off")


def _used(tables: Tables, frame: bytes, scan: bytes) -> list[bytes]:
    """The used tables, the frame and the scan's header; a table that no component uses could hold anything."""
    count = frame[9]
    if (len(frame), len(scan), frame[4], scan[4]) != (10 + 3 * count, 8 + 2 * count, 8, count):
        raise ValueError("more than one scan, or samples of other than 8 bits")
    quantizers = {name & 15: (DQT, name) for marker, name in tables if marker == DQT}
    used = [quantizers[number] for number in frame[12::3]]
    used += [(DHT, name) for pair in scan[6 : 5 + 2 * count : 2] for name in (pair >> 4, pair & 15 | 16)]
    parts = {key: tables[key] for key in used}
    return [*(struct.pack(">BBH", 0xFF, key[0], len(table) + 2) + table for key, table in parts.items()), frame, scan]


def _end_of_scan(data: bytes, at: int) -> int:
    found = MARKER.search(data, at)
    if found is None or found[0] != END:
        raise ValueError("another marker in the scan, or no end")
    return found.start()
