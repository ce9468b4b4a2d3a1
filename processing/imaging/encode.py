"""Finished pictures to the bytes of a file: one function a format, and nothing in the file but the picture."""

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
class Film:
    """The packed pictures of one variant, one for a still; ``durations`` in milliseconds, ``plays`` 0 for ever."""

    frames: Sequence[Image.Image]
    durations: Sequence[int] = (0,)
    plays: int = 0

    @property
    def moves(self) -> bool:
        return len(self.frames) > 1


def can_move(output: str) -> bool:
    return output in ANIMATED


def output_of(spec: VariantSpec, image_format: str, *, transparent: bool) -> str:
    """The format a variant is written in: "keep" is the original's own, where browsers can show it."""
    if spec.format != "keep":
        return spec.format
    if image_format in CONTENT_TYPES:
        return image_format
    return "png" if transparent else "jpeg"


def packer(output: str) -> Callable[[Image.Image], Image.Image]:
    """What each frame of one variant is put through as soon as it is finished: a GIF's take a quarter of the memory."""
    return gif.Indexer() if output == "gif" else lambda frame: frame


def encode(film: Film, output: str, spec: VariantSpec, notice: str | None) -> bytes:
    """A file; ``notice`` is the copyright notice to keep, None for no metadata at all."""
    metadata = exif.copyright_only(notice) if notice else b""
    return ENCODERS[output](_alike(film), spec, metadata)


def _jpeg(film: Film, spec: VariantSpec, metadata: bytes) -> bytes:
    options = {"quality": _quality(spec, "jpeg"), "optimize": True, "progressive": spec.progressive}
    return _to_descriptor(film.frames[0], "JPEG", **options, exif=metadata)


def _png(film: Film, spec: VariantSpec, metadata: bytes) -> bytes:
    if not film.moves:
        return png.encode(film.frames[0], effort=spec.effort, exif=metadata.removeprefix(b"Exif\0\0"))
    level = png.DEFAULT_EFFORT if spec.effort is None else spec.effort
    return _to_memory(film, "PNG", compress_level=level, exif=metadata, loop=film.plays)


def _webp(film: Film, spec: VariantSpec, metadata: bytes) -> bytes:
    method = DEFAULT_WEBP_METHOD if spec.effort is None else round(spec.effort * 6 / 9)
    options = {"quality": _quality(spec, "webp"), "method": method, "exif": metadata}
    return _to_memory(film, "WEBP", **options, loop=film.plays)


def _avif(film: Film, spec: VariantSpec, metadata: bytes) -> bytes:
    speed = DEFAULT_AVIF_SPEED if spec.effort is None else 9 - spec.effort
    content = _to_memory(film, "AVIF", quality=_quality(spec, "avif"), speed=speed, max_threads=1, exif=metadata)
    return _timeless(content) if film.moves else content


def _gif(film: Film, _spec: VariantSpec, _metadata: bytes) -> bytes:
    return gif.encode(film.frames, film.durations, film.plays)


ENCODERS: Final[Mapping[str, Callable[[Film, VariantSpec, bytes], bytes]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
}


def _quality(spec: VariantSpec, output: str) -> int:
    return spec.quality or DEFAULT_QUALITY[output]


def _alike(film: Film) -> Film:
    """All frames in one mode, the richest that any of them needs."""
    modes = {frame.mode for frame in film.frames}
    if len(modes) == 1:
        return film
    mode = "RGBA" if "RGBA" in modes else "RGB"
    return Film([frame.convert(mode) for frame in film.frames], film.durations, film.plays)


def _to_memory(film: Film, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    first, *rest = film.frames
    if rest:
        first.save(out, file_format, save_all=True, append_images=rest, duration=list(film.durations), **options)
    else:
        first.save(out, file_format, **options)
    return out.getvalue()


def _timeless(content: bytes) -> bytes:
    """An animated AVIF without the second in which it was written: the same picture is to make the same bytes.

    It stands twice in each of three boxes, ISO/IEC 14496-12, sections 8.2.2, 8.3.2 and 8.4.2; libavif writes version 1.
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
    if not hasattr(os, "memfd_create"):  # not Linux
        return io.BytesIO()
    return open(os.memfd_create("variant"), "w+b")
