"""The formats that are read: which one a file is in, what must be known before Pillow opens it, and what moves.

A file's content alone decides: its name and its declared type are not used. `scan` runs before Pillow's own readers,
because opening a file is not harmless: Pillow allocates every pixel of a WebP; it widens a GIF for a frame that lies
outside, and reads to the end to count the frames; it reads on when half of a TIFF's tags are missing, and takes the
image for another kind. pi-heif 1.4.0 crashes on a HEIC whose item names are not text.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import ImageFile

from processing.errors import UnsupportedFormat
from processing.imaging import avif, bmp_reader, gif_reader, png_reader, tiff_reader, webp_reader, whole
from processing.picture import Size

Reader = type[ImageFile.ImageFile]

# Never through Image.open: it tries every plugin on a corrupt file, and does not report which one failed.
# JPEG's class also reads MPO, as the still picture its first image is.
READERS: Final[Mapping[str, Reader]] = {
    "jpeg": whole.JpegFile,
    "png": png_reader.PngFile,
    "gif": gif_reader.GifFile,
    "webp": webp_reader.WebPFile,
    "tiff": tiff_reader.TiffFile,
    "avif": avif.AvifFile,
    "bmp": bmp_reader.BmpFile,
}
GZIP: Final = b"\x1f\x8b\x08"
TIFF_BEGINS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BMP_HEADERS: Final = (12, 16, 40, 52, 56, 64, 108, 124)  # the known sizes of a BMP's second header
HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
TIFF_TYPE_BYTES: Final = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8), start=1))


def recognize(data: bytes) -> str:
    """The name of the format.

    Raises:
        UnsupportedFormat: it is not an accepted format.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(TIFF_BEGINS):
        return "tiff"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return "bmp"
    if data[4:8] == b"ftyp" and (found := _of_brands(data)):
        return found
    if data.startswith(GZIP):
        raise UnsupportedFormat("the object is compressed with gzip: store it as it is, without Content-Encoding")
    found = f"begins with {data[:12].hex(' ')}" if data else "is empty"
    raise UnsupportedFormat(f"not an accepted image format: the file {found}")


def reader(image_format: str) -> Reader:
    """Pillow's class for a format.

    Raises:
        UnsupportedFormat: HEIC, and the package pi-heif is not installed.
    """
    return READERS.get(image_format) or _heic_reader()


def _of_brands(data: bytes) -> str | None:
    """AVIF or HEIC, which share a container format, by its list of brands."""
    length = int.from_bytes(data[:4], "big")
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(length, 256), 4))}
    if brands & {b"avif", b"avis"}:
        return "avif"
    return "heic" if brands & set(HEIC_BRANDS) else None


def _heic_reader() -> Reader:
    try:
        from pi_heif import HeifImageFile, options  # type: ignore[import-untyped]
    except ImportError:
        raise UnsupportedFormat(
            "HEIC needs pi_heif, which this package does not contain: "
            "add it to requirements-base.txt and run npm run lock"
        ) from None
    options.DECODE_THREADS = 0  # tiles in the calling thread: each further thread takes 72 MB of address space
    heic: Reader = HeifImageFile
    return heic


@dataclass(frozen=True, slots=True)
class Scan:
    """A header read without opening the file; ``frames`` is not counted beyond the limit."""

    size: Size
    frames: int


def scan(image_format: str, data: bytes, *, max_frames: int) -> Scan | None:
    """Size and frames of the formats for which Pillow allocates pixels or reads the whole file when it opens them.

    Raises:
        UnsupportedFormat: it is a form of TIFF that is not read.
        struct.error, EOFError, LookupError, UnicodeDecodeError: it is truncated, or corrupt where its reader does not
            check it.
    """
    if image_format == "tiff":
        _check_tags(data)
    if image_format == "heic":
        _check_names(data)
    if image_format == "gif":
        return Scan(*gif_reader.scan(data, max_frames))
    if image_format == "webp":
        return Scan(webp_reader.canvas(data), webp_reader.frames(data, max_frames))
    return None


def trailing_exif(data: bytes) -> bytes:
    """The EXIF data after the pixels of a PNG, which Pillow reads only after decoding them; b"" for none."""
    at = data.find(b"IDAT") - 4
    while 0 < at <= len(data) - 12:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            return data[at + 8 : at + 8 + length]
        at += 12 + length
    return b""


def _check_names(data: bytes) -> None:
    """The type and the name of every item of a HEIC are text: ISO/IEC 14496-12, section 8.11.6."""
    at = data.find(b"infe")
    while at >= 4:
        end = at - 4 + int.from_bytes(data[at - 4 : at], "big")
        data[at + 12 : end].decode()  # the fields before are numbers: version, flags, id, protection
        at = data.find(b"infe", at + 4)


def _check_tags(data: bytes) -> None:
    """Check that a TIFF's first directory is complete: each tag, and each value that a tag points to."""
    order = "<" if data.startswith(b"II") else ">"
    if data.startswith(b"MM\0+"):
        raise UnsupportedFormat("tiff: the file is a big-endian BigTIFF, which is not read")
    if data.startswith(b"II+\0"):  # BigTIFF
        first, count, entry, value = "8xQ", "Q", "HHQ", "Q"
    else:
        first, count, entry, value = "4xI", "H", "HHI", "I"
    (at,) = struct.unpack_from(order + first, data)
    (tags,) = struct.unpack_from(order + count, data, at)
    at += struct.calcsize(order + count)
    for _ in range(tags):
        _, kind, length = struct.unpack_from(order + entry, data, at)
        at += struct.calcsize(order + entry)
        (where,) = struct.unpack_from(order + value, data, at)
        at += struct.calcsize(order + value)
        size = length * TIFF_TYPE_BYTES.get(kind, 0)
        if size > struct.calcsize(value) and where + size > len(data):
            raise EOFError("the file is truncated")


def play_count(image: Any) -> int:
    """How often an animation runs, 0 for endlessly.

    A GIF without a count runs once, one with a count of n runs n + 1 times; in other formats n times.
    """
    count = image.info.get("loop")
    if image.format == "GIF":
        return 1 if count is None else count + 1 if count else 0
    return count or 0
