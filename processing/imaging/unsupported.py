"""Why a file could not be read, by its own headers: whether it is of a kind that is not decoded here, or damaged.

Consulted after a reader has failed, so that no file is refused which can be read; the words of an exception do not
decide. JPEG, PNG and TIFF are named by their readers, before they are decoded.
"""

import re
import struct
from typing import Final

BMP_COMPRESSIONS: Final = {4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK, run lengths", 13: "CMYK, run lengths"}
BMP_BIT_FIELDS, BMP_READ = 3, (0, 1, 2, 3)
BMP_BITS: Final = (1, 4, 8, 16, 24, 32)
BMP_MASKS: Final = {  # red, green and blue that Pillow reads, by bits a pixel
    16: {(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)},
    24: {(0xFF0000, 0xFF00, 0xFF)},
    32: {(0xFF0000, 0xFF00, 0xFF), (0xFF000000, 0xFF0000, 0xFF00), (0xFF000000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000)}
    | {(0, 0, 0)},
}
AVIF_MATRICES: Final = frozenset({0, 1, 2, 4, 5, 6, 7, 8, 9, 12, 15})  # of ITU-T H.273, that libavif converts
HEIC_CODECS: Final = {
    b"av01": "AV1",
    b"avc1": "H.264",
    b"j2k1": "JPEG 2000",
    b"jpeg": "JPEG",
    b"unci": "no compression",
    b"vvc1": "H.266",
}
FIELD: Final = "a field is missing, or has a value that it cannot have"
LEFT_IN_BUFFER: Final = re.compile(r" \(\d+ bytes not processed\)")  # of the last block read: not what is missing
ENDS: Final = "the file ends within a field: it is truncated"


def kind_not_read(image_format: str, data: bytes) -> str | None:
    """What the file is, if that is not decoded here; None if it is damaged."""
    find = {"bmp": _of_bmp, "avif": _of_avif, "heic": _of_heic}.get(image_format)
    try:
        return find(data) if find else None
    except struct.error:
        return None


def fault(error: BaseException) -> str:
    """What is wrong with a damaged file, in words; a reader's exception may consist of a number."""
    if error.args and isinstance(error.args[0], Exception):  # as Pillow wraps those of its plugins
        error = error.args[0]
    if isinstance(error, struct.error):
        return ENDS
    is_worded = isinstance(error, OSError | EOFError | SyntaxError | ValueError | RuntimeError)
    words = str(error) if is_worded and not isinstance(error, UnicodeError) else ""
    words = LEFT_IN_BUFFER.sub("", words)
    return words if " " in words else FIELD


def _of_bmp(data: bytes) -> str | None:
    if data[14:18] == b"\x0c\0\0\0":
        (bits,), compression = struct.unpack_from("<H", data, 24), 0
    else:
        bits, compression = struct.unpack_from("<HI", data, 28)
    if compression not in BMP_READ:
        return f"compressed with {BMP_COMPRESSIONS.get(compression, f'method {compression}')}"
    if bits not in BMP_BITS:
        return f"of {bits} bits a pixel"
    if compression == BMP_BIT_FIELDS and struct.unpack_from("<3I", data, 54) not in BMP_MASKS.get(bits, ()):
        return "of other bit fields than are common"
    return None


def _of_avif(data: bytes) -> str | None:
    at = data.find(b"colrnclx")
    if at < 0:
        return None
    (matrix,) = struct.unpack_from(">H", data, at + 12)
    return None if matrix in AVIF_MATRICES else f"coded with matrix coefficients {matrix} (ITU-T H.273)"


def _of_heic(data: bytes) -> str | None:
    head = data[: data.find(b"mdat")]
    codecs = [name for kind, name in HEIC_CODECS.items() if kind in head]
    return f"coded with {codecs[0]}" if codecs and b"hvc1" not in head else None
