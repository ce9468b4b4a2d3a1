"""An uploaded file, opened: its header is checked against the limits before any pixel is decoded."""

import io
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from PIL import Image, ImageFile

from processing.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from processing.imaging import apng, colour, exif, formats, gainmap, gif_reader, png_reader, unsupported
from processing.imaging.geometry import GAP
from processing.imaging.gif_reader import GifFile
from processing.imaging.motion import composed
from processing.imaging.png_reader import PngFile
from processing.picture import Header, Size
from processing.recipe import Limits

# What Pillow's readers raise for invalid bytes; only calls of these readers are guarded with it
BROKEN: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
)
# Not I and F, samples of 32 bits and of floating point: which number is white is not defined
SAMPLES_8: Final = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"})
SAMPLES_16: Final = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
GREYS: Final = frozenset({"1", "L", *SAMPLES_16})  # the modes of a grey picture without transparency
CHROMA_SAMPLES: Final[Mapping[int | None, float]] = {420: 1.5, 422: 2}  # a pixel; 3 in any other
DNG_VERSION, SUBFILE_TYPE, SUB_IFDS = 50706, 254, 330


@dataclass(frozen=True, slots=True)
class Original:
    """A file with a valid header within the limits; no pixel is decoded yet."""

    data: bytes
    header: Header
    image: ImageFile.ImageFile
    metadata: exif.Metadata
    icc: bytes | None
    gain_map: gainmap.GainMap | None

    @property
    def is_turned(self) -> bool:
        """Whether the stored image is rotated by 90 degrees."""
        return self.metadata.orientation >= 5

    @property
    def is_animated(self) -> bool:
        return self.header.frames > 1

    @property
    def is_composed(self) -> bool:
        """Whether `frames` reads them from the bytes, without ``image``."""
        return isinstance(self.image, GifFile | PngFile) and self.image.is_composed

    @property
    def shown_size(self) -> Size:
        width, height = self.header.width, self.header.height
        return (height, width) if self.is_turned else (width, height)


def inspect(data: bytes, limits: Limits) -> Header:
    """The header; no pixel is decoded.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge: as `render` raises them.
    """
    return open_original(data, limits).header


def open_original(data: bytes, limits: Limits) -> Original:
    """Read and check the header.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"{len(data):,} bytes; the limit is {limits.max_bytes:,} (limits.bytes)")
    image_format = formats.recognise(data)
    with reading(image_format, data):
        early = formats.scan(image_format, data, max_frames=limits.max_frames)
    if early is not None:
        _check_size(image_format, early.size, early.frames, limits)
    with reading(image_format, data):
        image = formats.reader(image_format)(io.BytesIO(data))
    found = gainmap.find(data, image, limits) if image_format == "jpeg" else None
    header = _header(image_format, image, early, found)
    _check_size("progressive" if header.progressive else image_format, image.size, header.frames, limits)
    if isinstance(image, PngFile) and header.frames > 1 and not apng.has_whole_frames(data):
        with reading(image_format, data):
            image = image.without_animation(data)
        header = _header(image_format, image, early)
    _check_kind(image_format, image)
    if image_format == "png" and "exif" not in image.info:
        image.info["exif"] = formats.trailing_exif(data)
    return Original(data, header, image, exif.read(image), colour.profile_of(image_format, data, image), found)


def frames(original: Original, frame: Size) -> Iterator[Image.Image]:
    """Decode one frame after the other; each must be used before the next is requested.

    A JPEG is decoded at the smallest scale from which ``frame`` (as stored) can be made well.

    Raises:
        CorruptImage, ImageTooLarge
    """
    _keep_freed_memory()
    if original.is_composed:
        yield from _composed(original)
        return
    image = original.image
    width, height = (math.ceil(GAP * side) for side in frame)
    for number in range(original.header.frames):
        with reading(original.header.image_format, original.data):
            image.draft(None, (width, height))
            if original.is_animated:
                image.seek(number)
            image.load()
        yield image


def _composed(original: Original) -> Iterator[Image.Image]:
    """The frames of an animation that stores parts of them."""
    data, image = original.data, original.image
    if isinstance(image, GifFile):
        stored = gif_reader.stored_frames(data)
    else:
        stored = png_reader.stored_frames(data, original.header.frames)
    shown = composed(image.size, stored, grey=image.mode in GREYS)
    while True:
        with reading(original.header.image_format, data):
            frame = next(shown, None)
        if frame is None:
            return
        yield frame
        del frame


def frame_duration(frame: Image.Image) -> float:
    """The duration of a frame of an animation, in milliseconds."""
    duration = frame.info.get("duration", 0)
    return float(duration) if isinstance(duration, int | float) and duration > 0 else 0.0


@contextmanager
def reading(image_format: str, data: bytes) -> Iterator[None]:
    """Translate the exceptions of Pillow for invalid bytes; only parsers may run in this context.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge
    """
    try:
        yield
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageTooLarge(f"{image_format}: {error or 'it does not fit in memory'}") from error
    except BROKEN as error:
        kind = unsupported.kind_not_read(image_format, data)
        if kind:
            raise UnsupportedFormat(f"{image_format}: the file is {kind}, which is not read") from error
        raise CorruptImage(f"{image_format}: {unsupported.fault(error)}") from error


def _header(
    image_format: str, image: Any, early: formats.Scan | None = None, found: gainmap.GainMap | None = None
) -> Header:
    return Header(
        image_format=image_format,
        mode=image.mode,
        width=image.width,
        height=image.height,
        frames=early.frames if early else _frames(image_format, image),
        progressive="progressive" in image.info,
        plane_bytes=_plane_bytes(image.info) if image_format == "heic" else 0.0,
        gain_map=_header(image_format, found.picture) if found else None,
    )


def _frames(image_format: str, image: Any) -> int:
    if isinstance(image, PngFile):
        return image.playing_frames
    return image.n_frames if image_format in formats.ANIMATED else 1


def _plane_bytes(info: Mapping[str, Any]) -> float:
    return CHROMA_SAMPLES.get(info.get("chroma"), 3) * (1 if info.get("bit_depth", 8) <= 8 else 2)


def _check_size(kind: str, size: Size, frames: int, limits: Limits) -> None:
    pixels = size[0] * size[1]
    if pixels < 1:
        raise CorruptImage(f"the image has {size[0]} x {size[1]} pixels")
    if pixels > limits.max_pixels[kind]:
        raise ImageTooLarge(
            f"{size[0]} x {size[1]} pixels; the limit is {limits.max_pixels[kind]:,} (limits.pixels.{kind})"
        )
    if frames > limits.max_frames:
        raise ImageTooLarge(f"more than {limits.max_frames:,} frames (limits.frames)")
    if frames > 1 and frames * pixels > limits.max_pixels["animation"]:
        raise ImageTooLarge(
            f"{frames} frames of {size[0]} x {size[1]} pixels; "
            f"the limit is {limits.max_pixels['animation']:,} in all (limits.pixels.animation)"
        )


def _check_kind(image_format: str, image: Any) -> None:
    if image.mode not in SAMPLES_8 | SAMPLES_16:
        raise UnsupportedFormat(
            f"{image_format} with samples of type {image.mode}, whose range of values is not defined"
        )
    if image_format == "tiff":
        tags = image.tag_v2
        if DNG_VERSION in tags or (SUB_IFDS in tags and tags.get(SUBFILE_TYPE, 0) & 1):
            raise UnsupportedFormat("a camera's raw file: convert it to JPEG or TIFF first")


@cache
def _keep_freed_memory() -> None:
    """Let Pillow keep up to 16 blocks of 16 MB for the next image, instead of allocating each anew."""
    Image.core.set_blocks_max(16)  # type: ignore[attr-defined]  # documented, but missing in Pillow's types
