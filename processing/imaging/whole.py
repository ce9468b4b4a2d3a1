"""Checks that a JPEG's pixels come from its data: libjpeg paints gray what is missing, and Pillow hides its warnings.

The ordinary decode is the check. The end marker is replaced by 64 one-bits: no Huffman code consists of ones alone
(ITU-T T.81, annex C), and libjpeg reads at most 64 bits ahead. A decoder that has all its data ends before them; any
other runs out of bytes, which Pillow reports. This is exact but for the last unit of 8 or 16 pixels; where the file has
no end marker, which is no fault by itself, zero-bits in place of ones must give the same pixels.

A progressive file is read to its end marker in any case. Its scans must send every coefficient to its last bit, and at
the end of the last one the decoder must be between two scans: there it skips an escaped 0xFF, which it would take as
data inside of one.
"""

import io
from typing import Any, Final

from PIL import Image, ImageChops, ImageFile, JpegImagePlugin

from processing.imaging.segments import (
    END,
    END_OF_IMAGE,
    FRAMES,
    HUFFMAN_FRAMES,
    LOSSLESS,
    MARKER_IN_SCAN,
    PROGRESSIVE,
    RESTART_INTERVAL,
    START_OF_SCAN,
    Frame,
    Segment,
    check_process,
    segment_at,
    segments,
)

END_MARKER: Final = b"\xff\xd9"
TRUNCATED: Final = "the file is truncated, or parts of it are lost"
ESCAPED: Final = b"\xff\x00"  # eight one-bits, as a scan stores them
ONES, ZEROS = ESCAPED * 8, bytes(8)
MULTI_PICTURE: Final = b"MPF\0"
BLOCK: Final = ImageFile.MAXBLOCK  # bytes that Pillow reads at a time
NEAR_END: Final = 2 * BLOCK  # an end before is noticed, because a block or more stays unread
EDGE: Final = 32  # the rows at the bottom that hold the last unit: at most 4 x 8
PROBES: Final = 24  # a block takes at least 34 bits of ones
SHORTEST: Final = {b"JFIF": 7, b"Adobe": 7, b"ICC_PROFILE\0": 14}
"""The bytes that Pillow reads of a segment that begins so: it fails on a shorter one, and libjpeg does not."""


class JpegFile(JpegImagePlugin.JpegImageFile):
    """Pillow's reader, from a BytesIO, which raises OSError when parts of the picture are missing."""

    is_lossless = False
    is_held = False  # as a whole, before its first row is made: libjpeg does so with several scans
    _many_scans = False
    _end: int | None = None  # of the last scan; None for a file that cannot be checked
    _ones = ONES
    _is_guessed = False  # an end near the end of the file was taken for that of the picture
    _twin: JpegImagePlugin.JpegImageFile | None = None  # the same file with another end

    def _open(self) -> None:
        """Read the headers.

        Raises:
            UnsupportedFormat: it is a JPEG of a kind that libjpeg does not decode.
            EOFError: parts of the picture are missing.
        """
        assert isinstance(self.fp, io.BytesIO)
        data, frame, interval = self.fp.getvalue(), None, 0
        for segment in segments(data):
            if segment.marker == START_OF_SCAN and frame:
                self._prepare(data, segment, frame, interval)
                break
            content = data[segment.start : segment.end]
            if segment.marker in FRAMES:
                check_process(segment.marker, content)
                self.is_lossless = segment.marker == LOSSLESS
                self.is_held = segment.marker not in HUFFMAN_FRAMES  # or might be
                frame = Frame.of(segment.marker, content) if segment.marker in HUFFMAN_FRAMES else None
            elif segment.marker == RESTART_INTERVAL:
                interval = int.from_bytes(content[:2], "big")
            elif any(content.startswith(name) and len(content) < least for name, least in SHORTEST.items()):
                self.fp.seek(segment.start)
                self.fp.write(bytes(4))
        self.fp.seek(0)
        super()._open()

    def _prepare(self, data: bytes, scan: Segment, frame: Frame, interval: int) -> None:
        self._many_scans = self.is_held = frame.marker == PROGRESSIVE or data[scan.start] < len(frame.components)
        last = scan
        if self._many_scans:
            last, end = _check_coefficients(data, scan, frame)
        else:
            self._is_guessed = not interval and data.endswith(END_MARKER) and MULTI_PICTURE not in data[: scan.start]
            found = END.search(data, max(scan.end, len(data) - NEAR_END) if self._is_guessed else scan.end)
            end = found.start() if found else -1
        self._end = end if end >= 0 else len(data)
        _check_restarts(data, last.end, self._end, frame.restarts(data[last.start : last.end], interval))
        if end < 0:
            other = io.BytesIO(data + ZEROS + (END_MARKER if self._many_scans else b""))
            self._twin = JpegImagePlugin.JpegImageFile(other)

    def load_read(self, read_bytes: int) -> bytes:
        """The next block, and the ones in place of the end marker."""
        assert self.fp is not None
        if self._end is None:
            return self.fp.read(read_bytes)
        if block := self.fp.read(min(read_bytes, max(0, self._end - self.fp.tell()))):
            return block
        ones, self._ones = self._ones, b""
        return ones

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> Any:
        if self.is_lossless:
            return None  # libjpeg decodes it at its full size alone
        if self._twin:
            self._twin.draft(mode, size)
        return super().draft(mode, size)

    def load(self) -> Any:
        if not self.tile:
            return super().load()
        file, edge = self.fp, None
        assert isinstance(file, io.BytesIO)
        if self._twin:
            self._twin.load()
            edge = _edge(self._twin)
            self._twin = None  # frees its pixels before the picture's own are allocated
        if self._many_scans:
            self._load_scans(file.getvalue())
        loaded = super().load()
        if edge and ImageChops.difference(edge, _edge(self)).getbbox():
            raise OSError(TRUNCATED)
        if self._is_guessed and file.tell() + BLOCK < (self._end or 0):
            self._check_first(file.getvalue())
        return loaded

    def _check_first(self, data: bytes) -> None:
        """Decode the first of several pictures once more, because its end was not the last one."""
        found = END.search(data, next(each.end for each in segments(data) if each.marker == START_OF_SCAN))
        assert found
        with JpegFile(io.BytesIO(data[: found.end()])) as first:
            first.draft(None, (1, 1))  # all of its data is read in any case
            first.load()

    def _load_scans(self, data: bytes) -> None:
        """Decode as Pillow does, and see what the decoder leaves unread after the last scan."""
        self.load_prepare()
        (tile,) = self.tile
        decoder = Image._getdecoder(self.mode, tile.codec_name, tile.args, self.decoderconfig)
        decoder.setimage(self.im, tile.extents)
        try:
            unread = _feed(decoder, b"".join((memoryview(data)[: self._end], ONES)))
            for _ in range(PROBES):
                unread = _feed(decoder, unread + ESCAPED)
                if unread:
                    raise OSError(TRUNCATED)
            _feed(decoder, END_MARKER, last=True)
        finally:
            decoder.cleanup()
        self.tile = []


def _feed(decoder: Any, data: bytes, *, last: bool = False) -> bytes:
    """What the decoder leaves of the data."""
    taken, error = decoder.decode(data)
    if error < 0 or (taken < 0) != last:
        raise OSError(TRUNCATED if error >= 0 else f"the decoder reports error {error}")
    return data[taken:]


def _edge(image: Image.Image) -> Image.Image:
    """The rows at the bottom, in which the last data is shown."""
    return image.crop((0, max(0, image.height - EDGE), *image.size))


def _check_coefficients(data: bytes, first: Segment, frame: Frame) -> tuple[Segment, int]:
    """Check that every coefficient of every component is sent, to its last bit (T.81, section G.1.1.1).

    Returns:
        the header of the last scan, and the end of the scan, -1 without an end marker.
    """
    missing = {(component, number) for component in frame.components for number in range(64)}
    segment = last = first
    end = first.end
    while segment.marker != END_OF_IMAGE and end >= 0:
        header = data[segment.start : segment.end]
        if segment.marker == START_OF_SCAN and header and len(header) == 4 + 2 * header[0]:
            last = segment
            sent = range(header[-3], header[-2] + 1) if not header[-1] & 15 else ()
            missing.difference_update((component, number) for component in header[1:-3:2] for number in sent)
        found = MARKER_IN_SCAN.search(data, segment.end)
        end = found.start() if found else -1
        segment = segment_at(data, end) if found else segment
    if missing:
        raise EOFError(f"{TRUNCATED}: scans are missing")
    return last, end


def _check_restarts(data: bytes, start: int, end: int, expected: int) -> None:
    """Check that the last restart marker has its number, modulo 8; some cameras write one more after the last unit."""
    if expected > 0:
        at, number = max((data.rfind(bytes((0xFF, 0xD0 + number)), start, end), number) for number in range(8))
        if at < 0 or (number - expected + 1) % 8 not in (0, 1):
            raise EOFError(f"{TRUNCATED}: restart markers are missing")
