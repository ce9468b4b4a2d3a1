"""Encodes finished pictures: one function for each format; files have no metadata except a copyright notice.

`preview` makes what a page shows until an image has loaded: a WebP of a few pixels, and the mean color.
"""

import base64
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from PIL import Image, ImageStat

from processing.geometry import fitted
from processing.imaging import avif, exif, gif, palette
from processing.imaging.palette import Palette
from processing.imaging.reel import Film, Reel
from processing.imaging.timing import in_units
from processing.picture import WRITTEN, Preview
from processing.recipe import VariantSpec

CONTENT_TYPES: Final = {each: f"image/{each}" for each in WRITTEN}
WITHOUT_METADATA: Final = ("gif",)
WITHOUT_TRANSPARENCY: Final = ("jpeg",)
DEFAULT_QUALITY: Final = {"jpeg": 82, "webp": 80, "avif": 60}
# Half the CPU of the encoders' own defaults (WebP) and an eighth (AVIF), for files 2 to 3 % and 10 % larger.
DEFAULT_WEBP_METHOD: Final = 2
DEFAULT_AVIF_SPEED: Final = 9
DEFAULT_PNG_EFFORT: Final = 6
RUN_LENGTHS: Final = 3  # zlib's strategy: photographs have no matches to search for
SAMPLED_ROWS: Final = 8  # in a row
SAMPLED_EVERY: Final = 128  # rows, or a fifth of them
PREVIEW_SIDE: Final = 16  # pixels of the longer side ...
PREVIEW_SIDE_WITH_ALPHA: Final = 8  # ... where an alpha channel takes as many bytes again
PREVIEW_QUALITY: Final = 40
PREVIEW_ALPHA_QUALITY: Final = 10
PREVIEW_METHOD: Final = 0  # the encoder's fastest
REDUCING_GAP: Final = 2.0  # Pillow averages whole blocks first, down to twice the size, in half the time


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """The frames of one variant, one for a still; ``durations`` in milliseconds, ``plays`` 0 for endlessly."""

    frames: Sequence[Image.Image] | Reel
    durations: Sequence[float] = (0,)
    plays: int = 0

    @property
    def is_animated(self) -> bool:
        return len(self.frames) > 1

    @property
    def mode(self) -> str:
        """The mode that every frame is written in: the richest that any of them needs."""
        modes = self.frames.modes if isinstance(self.frames, Reel) else {frame.mode for frame in self.frames}
        return modes.pop() if len(modes) == 1 else "RGBA" if "RGBA" in modes else "RGB"


def frame_converter(output: str) -> Callable[[Image.Image], Image.Image]:
    """Converts each finished frame of one variant; the indexed frames of a GIF take a quarter of the memory."""
    return gif.Indexer() if output == "gif" else lambda frame: frame


def quality_of(spec: VariantSpec, output: str) -> int:
    """A quality given for "keep" is a number for JPEG and WebP; AVIF's numbers mean other qualities."""
    is_meant = spec.format == output or output != "avif"
    return (spec.quality if is_meant else None) or DEFAULT_QUALITY[output]


def encode(
    sequence: FrameSequence, output: str, spec: VariantSpec, notice: str | None, wanted: Palette | None = None
) -> bytes:
    """A file.

    Args:
        notice: the copyright notice to keep, None for no metadata.
        wanted: for PNG and GIF: a palette with which nobody misses the other colors.
    """
    metadata = exif.copyright_only(notice) if notice else b""
    if output == "gif":
        return _gif(sequence, wanted)
    if output == "png" and not sequence.is_animated:
        return _still_png(sequence.frames[0], spec, metadata, wanted)
    return ENCODERS[output](sequence, spec, metadata)


def _jpeg(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    options = {"quality": quality_of(spec, "jpeg"), "optimize": True, "progressive": spec.progressive}
    return _to_descriptor(sequence.frames[0], "JPEG", **options, exif=metadata)


def _still_png(image: Image.Image, spec: VariantSpec, metadata: bytes, wanted: Palette | None) -> bytes:
    compact = palette.compact(image)
    if wanted and compact.mode not in ("1", "P") and not (compact.mode == "L" and wanted.colors == palette.MOST):
        compact = palette.near(compact, wanted) or compact
    effort = DEFAULT_PNG_EFFORT if spec.effort is None else spec.effort
    return _to_memory(FrameSequence([compact]), "PNG", **_png_coder(compact, effort), exif=metadata)


def _png_coder(image: Image.Image, effort: int) -> dict[str, int]:
    """zlib's level and strategy: of run lengths and a search for matches, what makes less of a few rows."""
    ways = ({"compress_level": effort}, {"compress_level": effort, "compress_type": RUN_LENGTHS})
    if image.mode in ("1", "P"):
        return ways[0]
    sample = FrameSequence([_sample(image)])
    return min(ways, key=lambda way: len(_to_memory(sample, "PNG", **way)))


def _sample(image: Image.Image) -> Image.Image:
    """A few bands of rows, one above the other."""
    tops = range(0, max(1, image.height - SAMPLED_ROWS), max(SAMPLED_EVERY, image.height // 5))
    sample = Image.new(image.mode, (image.width, min(image.height, len(tops) * SAMPLED_ROWS)))
    for number, top in enumerate(tops):
        sample.paste(image.crop((0, top, image.width, top + SAMPLED_ROWS)), (0, number * SAMPLED_ROWS))
    return sample


def _png(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    effort = DEFAULT_PNG_EFFORT if spec.effort is None else spec.effort
    coder = _png_coder(sequence.frames[0].convert(sequence.mode), effort)
    return _to_memory(sequence, "PNG", **coder, exif=metadata, loop=sequence.plays)


def _webp(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    method = DEFAULT_WEBP_METHOD if spec.effort is None else round(spec.effort * 6 / 9)
    options = {"quality": quality_of(spec, "webp"), "method": method, "exif": metadata}
    return _to_memory(sequence, "WEBP", **options, loop=sequence.plays)


def _avif(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    speed = DEFAULT_AVIF_SPEED if spec.effort is None else 9 - spec.effort
    content = _to_memory(sequence, "AVIF", quality=quality_of(spec, "avif"), speed=speed, max_threads=1, exif=metadata)
    return avif.finished(content, sequence.plays) if sequence.is_animated else content


def _gif(sequence: FrameSequence, wanted: Palette | None) -> bytes:
    frames: Iterable[Image.Image] = sequence.frames
    if wanted:
        fewer = gif.Indexer(wanted.colors)
        frames = (fewer(frame.convert("RGBA")) for frame in frames)
    return gif.encode(frames, sequence.durations, sequence.plays)


ENCODERS: Final[Mapping[str, Callable[[FrameSequence, VariantSpec, bytes], bytes]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
}


def _to_memory(sequence: FrameSequence, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    if sequence.is_animated:
        film = Film(sequence.frames, sequence.mode)
        film.save(out, file_format, save_all=True, duration=in_units(sequence.durations, 1), **options)
    else:
        sequence.frames[0].save(out, file_format, **options)
    return out.getvalue()


def _to_descriptor(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Write to a real descriptor: Pillow then lets other threads run while it encodes, with BytesIO it does not."""
    with _memory_file() as out:
        image.save(out, file_format, **options)
        out.seek(0)
        return out.read()


def _memory_file() -> IO[bytes]:
    try:
        return open(os.memfd_create("variant"), "w+b")
    except (AttributeError, OSError):  # not Linux, or refused, and then there is no sandbox either
        return io.BytesIO()


def preview(picture: Image.Image) -> Preview:
    """The preview of a picture in L, RGB or RGBA; a picture that is smaller already is not enlarged."""
    mode, side = ("RGBA", PREVIEW_SIDE_WITH_ALPHA) if picture.mode == "RGBA" else ("RGB", PREVIEW_SIDE)
    # Premultiplied, each pixel counts as far as it is seen; RGB is not copied, which can take a millisecond
    pixels = picture if picture.mode == "RGB" else picture.convert("RGBa" if mode == "RGBA" else "RGB")
    small = pixels.resize(fitted(picture.size, (side, side)), Image.Resampling.HAMMING, reducing_gap=REDUCING_GAP)
    return Preview(placeholder=_small_webp(small.convert(mode)), color=_mean(pixels))


def _small_webp(small: Image.Image) -> str:
    out = io.BytesIO()
    small.save(out, "WEBP", quality=PREVIEW_QUALITY, alpha_quality=PREVIEW_ALPHA_QUALITY, method=PREVIEW_METHOD)
    return base64.b64encode(out.getvalue()).decode()


def _mean(pixels: Image.Image) -> str:
    """The mean color of a picture in RGB or RGBa as ``#rrggbb``; #000000 where nothing is visible."""
    red, green, blue, *alpha = ImageStat.Stat(pixels).sum
    weight = alpha[0] / 255 if alpha else pixels.width * pixels.height
    return "#" + "".join(f"{min(255, round(total / (weight or 1))):02x}" for total in (red, green, blue))
