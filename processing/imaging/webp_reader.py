"""WebP files, read: size and frames are read from the chunks, without decoding.

https://developers.google.com/speed/webp/docs/riff_container
"""

import struct
from typing import Final

from PIL import WebPImagePlugin

from processing.picture import Size

FLAGS: Final = 20  # where they are in an extended file
ANIMATION: Final = 0x02


class WebPFile(WebPImagePlugin.WebPImageFile):
    """Pillow's reader, but with transparency in every animation, as in browsers: its header may announce none."""

    def _open(self) -> None:
        assert self.fp is not None
        head = self.fp.read(FLAGS + 1)
        self.fp.seek(0)
        super()._open()
        if head[12:16] == b"VP8X" and head[FLAGS] & ANIMATION:
            self.rawmode = self._mode = "RGBA"


def canvas(data: bytes) -> Size:
    """Raises struct.error when the file is truncated."""
    kind = data[12:16]
    if kind == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def frames(data: bytes, max_frames: int) -> int:
    """The frames of an animation, up to one above the limit, 1 for a still."""
    found, at = 0, 12
    while at + 8 <= len(data) and found <= max_frames:
        found += data[at : at + 4] == b"ANMF"
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + length % 2
    return max(found, 1)
