"""The headers of a JPEG, read without decoding: its segments, its frame, and the kinds that libjpeg does not decode."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from processing.errors import UnsupportedFormat

START_OF_SCAN, END_OF_IMAGE, RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
HUFFMAN_FRAMES: Final = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive
PROGRESSIVE, LOSSLESS = 0xC2, 0xC3
PROCESSES: Final = {  # that libjpeg has not, by their frame header: T.81, table B.1, and T.87
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xCB: "lossless and arithmetic-coded",
    0xF7: "JPEG-LS",
}
FRAMES: Final = {*HUFFMAN_FRAMES, LOSSLESS, 0xC9, 0xCA, *PROCESSES}
WITHOUT_LENGTH: Final = (0x00, 0x01, *range(0xD0, 0xDA))  # markers, and an escaped byte, without a segment
END: Final = re.compile(rb"\xff\xd9")  # twice as fast as bytes.find
MARKER_IN_SCAN: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass(frozen=True, slots=True)
class Segment:
    """``start`` is the first byte of its content, ``end`` the first one after it."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header (SOF): T.81, section B.2.2."""

    marker: int
    width: int
    height: int
    components: tuple[int, ...]
    factors: tuple[int, ...]  # the sampling factors, horizontal and vertical in four bits each

    @classmethod
    def of(cls, marker: int, content: bytes) -> "Frame":
        parts = content[6:]
        height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
        return cls(marker, width, height, tuple(parts[::3]), tuple(parts[1::3]))

    def restarts(self, scan: bytes, interval: int) -> int:
        """The number of restart markers in a scan with this header: T.81, sections A.2 and B.2.4.4."""
        factors = dict(zip(self.components, self.factors, strict=True))
        across, down = (8 * max(side) for side in zip(*((f >> 4, f & 15) for f in self.factors), strict=True))
        width, height = self.width, self.height
        if len(scan) > 1 and scan[0] == 1:  # one component: its blocks, without the padding of the others
            factor = factors.get(scan[1], 0)
            width, height = width * (factor >> 4) * 8, height * (factor & 15) * 8
            across, down = 8 * across, 8 * down
        units = -(-width // across) * -(-height // down) if across and down else 0
        return -(-units // interval) - 1 if interval else 0


def check_process(marker: int, content: bytes) -> None:
    """Check that libjpeg decodes frames with this header.

    Raises:
        UnsupportedFormat, EOFError
    """
    if marker in PROCESSES:
        raise UnsupportedFormat(f"jpeg: the file is {PROCESSES[marker]}, which is not read")
    if len(content) < 6 or len(content) != 6 + 3 * content[5]:
        raise EOFError("its frame header is incomplete")
    if content[0] != 8:
        raise UnsupportedFormat(f"jpeg: the file has {content[0]} bits a sample; only 8 are read")
    if content[5] not in (1, 3, 4):
        raise UnsupportedFormat(f"jpeg: the file has {content[5]} components; only 1, 3 and 4 are read")


def segments(data: bytes) -> Iterator[Segment]:
    """The segments up to the first scan; bytes between them are skipped, as libjpeg does."""
    at = data.find(b"\xff", 2)
    while 0 <= at < len(data) - 4:
        if data[at + 1] == 0xFF:
            at += 1
            continue
        segment = segment_at(data, at)
        if data[at + 1] and segment.end > segment.start:
            yield segment
        if segment.marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        at = data.find(b"\xff", segment.end)


def segment_at(data: bytes, at: int) -> Segment:
    """The segment whose marker begins there."""
    marker = data[at + 1]
    if marker in WITHOUT_LENGTH:
        return Segment(marker, at + 2, at + 2)
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    return Segment(marker, at + 4, at + 2 + max(length, 2))
