"""How often an animated AVIF plays, which Pillow neither reads nor writes; and no trace of when it was written.

The boxes are those of ISO/IEC 14496-12; the count is reckoned as libavif does, by section 8.6.6: a track lasts as long
as all plays of its edit list together.
"""

import re
import struct
from typing import Final

from PIL import AvifImagePlugin

ENDLESS: Final = {4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}  # a duration that is not known, by its bytes
REPEATED: Final = 1  # the flag of an edit list


class AvifFile(AvifImagePlugin.AvifImageFile):
    """Pillow's reader, from a BytesIO, with ``info["loop"]``: how often it plays, 0 for endlessly."""

    def _open(self) -> None:
        assert self.fp is not None
        head = self.fp.read()
        self.fp.seek(0)
        super()._open()
        if self.is_animated:
            self.info["loop"] = plays(head)


def plays(data: bytes) -> int:
    """How often the first track plays, 0 for endlessly, which it does without an edit list too."""
    track, edits = data.find(b"tkhd", data.find(b"moov")), data.find(b"elst", data.find(b"moov"))
    try:
        return 0 if min(track, edits) < 0 else _plays(data, track + 4, edits + 4)
    except struct.error:
        return 0


def _plays(data: bytes, track: int, edits: int) -> int:
    if not data[edits + 3] & REPEATED:
        return 1
    wide = 8 if data[track] == 1 else 4
    (whole,) = struct.unpack_from(">Q" if wide == 8 else ">I", data, track + 4 + 2 * wide + 8)
    (once,) = struct.unpack_from(">Q" if data[edits] == 1 else ">I", data, edits + 8)
    return 0 if whole == ENDLESS[wide] or not once else -(-whole // once)


def finished(content: bytes, times: int) -> bytes:
    """A file of Pillow's that plays so often, without its time: the same picture must have the same bytes.

    The time is twice in each of three boxes, sections 8.2.2, 8.3.2 and 8.4.2; libavif writes version 1.
    """
    start = content.index(b"moov")
    end = content.index(b"mdat", start)
    boxes = re.sub(rb"(?s)([mt][vkd]hd\x01...).{16}", rb"\1" + bytes(16), content[start:end])
    if times:
        once = int.from_bytes(boxes[(at := boxes.index(b"elst") + 12) : at + 8], "big")
        whole = struct.pack(">Q", once * times)
        boxes = re.sub(rb"(?s)(mvhd.{24}).{8}", lambda found: found[1] + whole, boxes)
        boxes = re.sub(rb"(?s)(tkhd.{28}).{8}", lambda found: found[1] + whole, boxes)
    return content[:start] + boxes + content[end:]
