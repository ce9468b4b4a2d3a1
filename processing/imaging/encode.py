"""Encodes finished pictures: one function for each format; files have no metadata except a copyright notice."""

import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from PIL import Image

from processing.imaging import exif, gif, png
from processing.imaging.formats import ANIMATED
from processing.recipe import VariantSpec

CONTENT_TYPES: Final = {each: f"image/{each}" for each in ("jpeg", "png", "webp", "avif", "gif")}
WITHOUT_METADATA: Final = ("gif",)
DEFAULT_QUALITY: Final = {"jpeg": 82, "webp": 80, "avif": 60}
# Half the CPU of the encoders' own defaults (WebP) and an eighth (AVIF), for files 2 to 3 % and 10 % larger.
DEFAULT_WEBP_METHOD: Final = 2
DEFAULT_AVIF_SPEED: Final = 9


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """The frames of one variant, one for a still; ``durations`` in milliseconds, ``plays`` 0 for endlessly."""

    frames: Sequence[Image.Image]
    durations: Sequence[int] = (0,)
    plays: int = 0

    @property
    def is_animated(self) -> bool:
        return len(self.frames) > 1


def can_animate(output: str) -> bool:
    return output in ANIMATED


def output_of(spec: VariantSpec, image_format: str, *, transparent: bool) -> str:
    """The format a variant is written in: "keep" is the original's own, where browsers can show it."""
    if spec.format != "keep":
        return spec.format
    if image_format in CONTENT_TYPES:
        return image_format
    return "png" if transparent else "jpeg"


def frame_converter(output: str) -> Callable[[Image.Image], Image.Image]:
    """Converts each finished frame of one variant; the indexed frames of a GIF take a quarter of the memory."""
    return gif.Indexer() if output == "gif" else lambda frame: frame


def encode(sequence: FrameSequence, output: str, spec: VariantSpec, notice: str | None) -> bytes:
    """A file; ``notice`` is the copyright notice to keep, None for no metadata."""
    metadata = exif.copyright_only(notice) if notice else b""
    return ENCODERS[output](_in_one_mode(sequence), spec, metadata)


def _jpeg(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    options = {"quality": _quality(spec, "jpeg"), "optimize": True, "progressive": spec.progressive}
    return _to_descriptor(sequence.frames[0], "JPEG", **options, exif=metadata)


def _png(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    if not sequence.is_animated:
        return png.encode(sequence.frames[0], effort=spec.effort, exif=metadata.removeprefix(b"Exif\0\0"))
    level = png.DEFAULT_EFFORT if spec.effort is None else spec.effort
    return _to_memory(sequence, "PNG", compress_level=level, exif=metadata, loop=sequence.plays)


def _webp(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    method = DEFAULT_WEBP_METHOD if spec.effort is None else round(spec.effort * 6 / 9)
    options = {"quality": _quality(spec, "webp"), "method": method, "exif": metadata}
    return _to_memory(sequence, "WEBP", **options, loop=sequence.plays)


def _avif(sequence: FrameSequence, spec: VariantSpec, metadata: bytes) -> bytes:
    speed = DEFAULT_AVIF_SPEED if spec.effort is None else 9 - spec.effort
    content = _to_memory(sequence, "AVIF", quality=_quality(spec, "avif"), speed=speed, max_threads=1, exif=metadata)
    return _without_timestamps(content) if sequence.is_animated else content


def _gif(sequence: FrameSequence, _spec: VariantSpec, _metadata: bytes) -> bytes:
    return gif.encode(sequence.frames, sequence.durations, sequence.plays)


ENCODERS: Final[Mapping[str, Callable[[FrameSequence, VariantSpec, bytes], bytes]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
}


def _quality(spec: VariantSpec, output: str) -> int:
    return spec.quality or DEFAULT_QUALITY[output]


def _in_one_mode(sequence: FrameSequence) -> FrameSequence:
    """All frames in one mode, the richest that any of them needs."""
    modes = {frame.mode for frame in sequence.frames}
    if len(modes) == 1:
        return sequence
    mode = "RGBA" if "RGBA" in modes else "RGB"
    return FrameSequence([frame.convert(mode) for frame in sequence.frames], sequence.durations, sequence.plays)


def _to_memory(sequence: FrameSequence, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    first, *rest = sequence.frames
    if rest:
        first.save(out, file_format, save_all=True, append_images=rest, duration=list(sequence.durations), **options)
    else:
        first.save(out, file_format, **options)
    return out.getvalue()


def _without_timestamps(content: bytes) -> bytes:
    """An animated AVIF without the time at which it was written: the same picture must have the same bytes.

    It is twice in each of three boxes, ISO/IEC 14496-12, sections 8.2.2, 8.3.2 and 8.4.2; libavif writes version 1.
    """
    start = content.index(b"moov")
    end = content.index(b"mdat", start)
    boxes = re.sub(rb"(?s)([mt][vkd]hd\x01...).{16}", rb"\1" + bytes(16), content[start:end])
    return content[:start] + boxes + content[end:]


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
