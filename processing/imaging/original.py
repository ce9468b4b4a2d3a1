"""An uploaded file, opened: its header is checked against the limits before any pixel is decoded."""

import io
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from PIL import Image, ImageFile

from processing.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from processing.geometry import GAP
from processing.imaging import apng, color, exif, formats, gainmap, gif_reader, png_reader, unsupported
from processing.imaging.gif_reader import GifFile
from processing.imaging.motion import composed
from processing.imaging.png_reader import PngFile
from processing.imaging.resize import keep_freed_memory
from processing.picture import ANIMATED, Header, Size
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
GRAYS: Final = frozenset({"1", "L", *SAMPLES_16})  # the modes of a gray picture without transparency
CHROMA_SAMPLES: Final[Mapping[int | None, float]] = {420: 1.5, 422: 2}  # a pixel; 3 in any other
COEFFICIENT_BYTES: Final = 2
DNG_VERSION, SUBFILE_TYPE, SUB_IFDS, BITS_PER_SAMPLE, ROWS_PER_STRIP = 50706, 254, 330, 258, 278


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
        raise ImageTooLarge.above(f"{len(data):,} bytes", f"{limits.max_bytes:,} bytes", "limits.bytes")
    image_format = formats.recognize(data)
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
    is_shared = image_format == "png" and getattr(image.fp, "getvalue", bytes)() is data  # its reader left nothing out
    header = replace(header, copied_bytes=0 if is_shared else len(data))
    return Original(data, header, image, exif.read(image), color.profile_of(image_format, data, image), found)


def frames(original: Original, frame: Size) -> Iterator[Image.Image]:
    """Decode one frame after the other; each must be used before the next is requested.

    A JPEG is decoded at the smallest scale from which ``frame`` (as stored) can be made well.

    Raises:
        CorruptImage, ImageTooLarge
    """
    keep_freed_memory()
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
        if not original.is_animated:
            _free_decoder(image)
        yield image


def _composed(original: Original) -> Iterator[Image.Image]:
    """The frames of an animation that stores parts of them."""
    data, image, count = original.data, original.image, original.header.frames
    is_gif = isinstance(image, GifFile)
    stored = gif_reader.stored_frames(data) if is_gif else png_reader.stored_frames(data, count)
    shown = composed(image.size, stored, gray=image.mode in GRAYS)
    while True:
        with reading(original.header.image_format, data):
            frame = next(shown, None)
        if frame is None:
            return
        yield frame
        del frame  # before the next one is made


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
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{image_format}: {error} (a limit of Pillow, whatever limits.pixels allows)") from error
    except MemoryError as error:
        raise ImageTooLarge(f"{image_format}: it does not fit in memory (the parameter memory)") from error
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
        progressive=image_format == "jpeg" and _is_held(image),
        is_unscaled=getattr(image, "is_lossless", False),
        is_keyed="transparency" in image.info,
        decoder_bytes=_decoder_bytes(image_format, image),
        gain_map=_header(image_format, found.picture) if found else None,
    )


def _frames(image_format: str, image: Any) -> int:
    if isinstance(image, PngFile):
        return image.playing_frames
    return image.n_frames if image_format in ANIMATED else 1


def _is_held(image: Any) -> bool:
    return getattr(image, "is_held", True) or "progressive" in image.info


def _decoder_bytes(image_format: str, image: Any) -> float:
    """See `Header`."""
    if image_format == "heic":
        samples = CHROMA_SAMPLES.get(image.info.get("chroma"), 3.0)
        return samples if image.info.get("bit_depth", 8) <= 8 else 2 * samples
    if image_format == "jpeg" and _is_held(image):
        factors = [(across, down) for _, across, down, _ in image.layer]
        most = max(across for across, _ in factors) * max(down for _, down in factors)
        return float(COEFFICIENT_BYTES * sum(across * down for across, down in factors) / max(most, 1))
    if image_format == "tiff":
        rows = min(image.tag_v2.get(ROWS_PER_STRIP, image.height), image.height)
        bits = sum(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))
        return float(bits * rows / image.height / 8)
    return 0.0


def _check_size(kind: str, size: Size, frames: int, limits: Limits) -> None:
    pixels, shown = size[0] * size[1], f"{size[0]} x {size[1]}"
    if pixels < 1:
        raise CorruptImage(f"the image has {shown} pixels")
    if pixels > (most := limits.max_pixels[kind]):
        raise ImageTooLarge.above(f"{shown} = {pixels:,} pixels", f"{most:,} pixels", f"limits.pixels.{kind}")
    if frames > (most := limits.max_frames):  # some formats' frames are not counted beyond it
        raise ImageTooLarge.above(f"at least {most + 1:,} frames", f"{most:,} frames", "limits.frames")
    if frames > 1 and frames * pixels > (most := limits.max_pixels["animation"]):
        found = f"{frames:,} frames of {shown} = {frames * pixels:,} pixels"
        raise ImageTooLarge.above(found, f"{most:,} pixels in all frames", "limits.pixels.animation")


def _check_kind(image_format: str, image: Any) -> None:
    if image.mode not in SAMPLES_8 | SAMPLES_16:
        raise UnsupportedFormat(
            f"{image_format} with samples of type {image.mode}, whose range of values is not defined"
        )
    if image_format == "tiff":
        tags = image.tag_v2
        if DNG_VERSION in tags or (SUB_IFDS in tags and tags.get(SUBFILE_TYPE, 0) & 1):
            raise UnsupportedFormat("a camera's raw file: convert it to JPEG or TIFF first")


def _free_decoder(image: Any) -> None:
    """Free what is left beside the pixels of a still: a WebP's canvases, an AVIF's planes, and a copy of the pixels."""
    if hasattr(image, "_decoder"):
        image._decoder, image.fp = None, io.BytesIO()
