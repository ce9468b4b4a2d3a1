"""Which format a file is in, by its content alone: its name and its declared type are never asked."""

from collections.abc import Mapping
from typing import Final

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from processing.errors import UnsupportedFormat

Reader = type[ImageFile.ImageFile]

# Called by name, never through Image.open: that would try every plugin on a broken file, and hide which one it was.
# JPEG's class also reads MPO, as the still picture its first image is.
READERS: Final[Mapping[str, Reader]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}
TIFF_BEGINS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BMP_HEADERS: Final = (12, 16, 40, 52, 56, 64, 108, 124)  # the sizes a BMP's second header has ever had
HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def recognise(data: bytes) -> str:
    """The name of the format.

    Raises:
        UnsupportedFormat: none of those that are accepted.
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
    raise UnsupportedFormat(f"no image in an accepted format: it begins with {data[:12].hex(' ') or 'nothing'}")


def reader(image_format: str) -> Reader:
    """Pillow's class for a format.

    Raises:
        UnsupportedFormat: HEIC, and the package that reads it is not installed.
    """
    return READERS.get(image_format) or _heic_reader()


def _of_brands(data: bytes) -> str | None:
    """AVIF and HEIC are one container; which one it is stands in its list of brands."""
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
            "HEIC is read by pi_heif, which this package lacks: add it to requirements-base.txt"
        ) from None
    options.DECODE_THREADS = 0  # tiles in the thread that asks: each further thread takes 72 MB of address space
    heic: Reader = HeifImageFile
    return heic
