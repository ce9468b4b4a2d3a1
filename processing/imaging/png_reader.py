"""PNG files, read: metadata and animation frames that are broken are left out, and do not decide over the pixels.

Pillow refuses a file for a wrong checksum in a text, for a profile of more than 1 MiB, for a missing end, or for one
frame that cannot be read. Browsers show the picture: only IHDR, PLTE and IDAT are needed for it.
"""

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from PIL import Image, ImageChops, PngImagePlugin

from processing.errors import UnsupportedFormat
from processing.imaging.apng import ANIMATION, frame_files, has_whole_still, is_animation
from processing.imaging.chunks import END, FIRST, TEXTS, Chunk, PngHeader, chunks, is_readable, profile_of
from processing.imaging.motion import StoredFrame
from processing.imaging.pixels import bytes_of_deep, unpacked

MOST_TEXTS: Final = 60  # of 1 MiB at most; Pillow takes 64 MiB in all


class PngFile(PngImagePlugin.PngImageFile):
    """Pillow's reader, from a BytesIO; it does not see the chunks that are broken."""

    lost_animation = False  # whether its frames were left out
    _deep_key: tuple[int, ...] = ()  # the transparent color in 16 bits

    def _open(self) -> None:
        """Read the headers.

        Raises:
            UnsupportedFormat: an iPhone application's own format.
            struct.error, EOFError: the file is truncated.
        """
        assert isinstance(self.fp, io.BytesIO)
        data = self.fp.getvalue()
        found = list(chunks(data))
        if any(chunk.kind == b"CgBI" for chunk in found):
            raise UnsupportedFormat("png: the file is in Apple's own form (CgBI), which is not read: it is not a PNG")
        if not any(chunk.kind == b"IDAT" for chunk in found):
            raise EOFError("the file is truncated: it has no pixels")
        header = PngHeader.of(data)
        kept = [chunk for chunk in found if is_readable(chunk, data, header)]
        excess = [chunk for chunk in kept if chunk.kind in TEXTS][MOST_TEXTS:]
        kept = [chunk for chunk in kept if chunk not in excess]
        self.lost_animation = not is_animation(found, kept, data, header)
        if self.lost_animation:
            kept = [chunk for chunk in kept if chunk.kind not in ANIMATION]
        if kept != found or kept[-1].kind != b"IEND" or not kept[-1].has_right_checksum(data):
            self.fp = io.BytesIO(_joined(data, kept))
        else:
            self.fp.seek(0)
        super()._open()
        profile = next((chunk for chunk in found if chunk.kind == b"iCCP" and chunk not in kept), None)
        if profile and profile.has_right_checksum(data):
            self.info["icc_profile"] = profile_of(profile.content(data))
        self._scale_transparent_color(header)

    def _scale_transparent_color(self, header: PngHeader) -> None:
        """Scale it to 8 bits: Pillow leaves it at the PNG's own depth."""
        key = self.info.get("transparency")
        if key is None or isinstance(key, bytes) or self.mode in ("1", "P"):
            return
        key = key if isinstance(key, tuple) else (key,)
        deep = header.bits == 16
        self._deep_key = key if deep and not self.is_animated else ()
        samples = tuple(value >> 8 if deep else value * 255 // (2**header.bits - 1) for value in key)
        self.info["transparency"] = samples[0] if len(samples) == 1 else samples

    @property
    def is_composed(self) -> bool:
        """Whether its pixels come from `stored_frames`: of one frame too, if that is not the still picture."""
        return self.n_frames > 1

    @property
    def playing_frames(self) -> int:
        """The frames without a still picture that is for viewers without animation."""
        return self.n_frames - (self.is_composed and bool(self.default_image))

    def load(self) -> Any:
        """Raises OSError when rows are missing, where Pillow leaves zeros: a stream may end before the last one."""
        file = self.fp if self.tile and not self.is_animated else None
        loaded = super().load()
        if isinstance(file, io.BytesIO):
            last = self.crop((0, self.height - 1, *self.size)).tobytes()
            if not any(last) and not has_whole_still(file.getvalue()):
                raise OSError("the file is truncated: rows are missing")
            if self._deep_key:
                self._clear_deep(file.getvalue())
        return loaded

    def _clear_deep(self, data: bytes) -> None:
        """Make pixels transparent by all 16 bits of each sample, of which Pillow compares the high ones."""
        high, low = (self, _low_bytes(data)) if self.mode == "RGB" else bytes_of_deep(self)
        apart = Image.new("L", self.size)
        for picture, shift in ((high, 8), (low, 0)):
            for band, value in enumerate(self._deep_key):
                differs = [255 * (level != value >> shift & 0xFF) for level in range(256)]
                apart = ImageChops.lighter(apart, picture.getchannel(band).point(differs))
        if self.mode == "RGB":
            self.putalpha(apart)
        else:
            self.im, self._mode = Image.merge("RGBA", (high, high, high, apart)).im, "RGBA"
        del self.info["transparency"]

    def without_animation(self, data: bytes) -> "PngFile":
        """The still picture of the same file."""
        kept = [chunk for chunk in chunks(data) if chunk.kind not in ANIMATION]
        still = PngFile(io.BytesIO(_joined(data, kept)))
        still.lost_animation = True
        return still


def stored_frames(data: bytes, count: int) -> Iterator[StoredFrame]:
    """Decode the first ``count`` frames of an animation, one after the other; ``data`` has whole frames.

    Raises:
        OSError and others that Pillow raises: the bytes are at fault.
    """
    for control, file in islice(frame_files(data), count):
        place, over = (control.left, control.top), control.over
        yield StoredFrame(_picture(file), place, control.duration, control.disposal, over=over)


def _picture(file: bytes) -> Image.Image:
    """A frame alone, in RGBA."""
    image = PngFile(io.BytesIO(file))
    image.load()
    picture = unpacked(image)
    return picture if picture.mode == "RGBA" else picture.convert("RGBA")


def _low_bytes(data: bytes) -> Image.Image:
    """Of the samples of 16 bits of a PNG in color."""
    image = PngImagePlugin.PngImageFile(io.BytesIO(data))
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]  # as if the low byte were the first
    image.load()
    return image


def _joined(data: bytes, kept: list[Chunk]) -> bytes:
    """A file of these chunks; one whose last chunk is cut off stays so."""
    parts = [data[:FIRST], *(data[chunk.start : chunk.end] for chunk in kept if chunk.kind != b"IEND")]
    return b"".join(parts) + (END if not kept or kept[-1].end <= len(data) or kept[-1].kind == b"IEND" else b"")
