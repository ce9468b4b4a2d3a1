"""The profile of a file by the numbers that describe its colors, and the embedded one where that goes first.

AVIF, HEIC and PNG have code points of ITU-T H.273 (CICP); an older PNG has gamma and primaries, and so has a BMP. In a
PNG the first of cICP, iCCP, sRGB and gAMA with cHRM counts that can be used: PNG, third edition, section 4.3.
"""

import struct
from collections.abc import Sequence
from typing import Final

from PIL import Image

from processing.imaging import boxes
from processing.imaging.chunks import chunks
from processing.imaging.color import curves, profile
from processing.imaging.color.profile import COLOR, Primaries, space_of

D65: Final = (0.3127, 0.3290)
P3: Final = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB: Final[Primaries] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
BT_2020: Final[Primaries] = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65)
EBU: Final[Primaries] = ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65)
SMPTE_C: Final[Primaries] = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65)
DCI_P3: Final[Primaries] = (*P3, (0.314, 0.351))
DISPLAY_P3: Final[Primaries] = (*P3, D65)
PRIMARIES: Final = {1: SRGB, 5: EBU, 6: SMPTE_C, 7: SMPTE_C, 9: BT_2020, 11: DCI_P3, 12: DISPLAY_P3}

NUMBERED: Final = ("png", "bmp", "avif", "heic")  # the formats whose files have such numbers
SRGB_TOLERANCE: Final = 0.01  # of gamma and primaries that stand for sRGB, whose curve they cannot express
NEUTRAL: Final = 0.05  # of a PNG's gamma alone, times 2.2, which libpng and Chromium take for sRGB
BMP_WITH_COLORS, BMP_WITH_PROFILE = 108, 124  # the sizes of the headers of version 4 and 5
BMP_CALIBRATED, BMP_EMBEDDED = 0, 0x4D424544
FIXED_2_30: Final = 1 << 30


def profile_by_numbers(image_format: str, data: bytes, image: Image.Image, icc: bytes | None) -> bytes | None:
    """The profile of an image in one of `NUMBERED` that was opened, of which ``icc`` is embedded; None for sRGB."""
    if image_format == "bmp":
        return _of_bmp(data)
    codes = code_points(image_format, data)
    if codes is not None and (codes[0] not in PRIMARIES or curves.curve(codes[1]) is None):
        codes = None
    if icc and not (codes and image_format == "png"):
        return icc
    if codes:
        return _of_codes(codes, image)
    return _of_old_png(image) if image_format == "png" else None


def code_points(image_format: str, data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer characteristics, as ITU-T H.273 numbers them."""
    if image_format in ("avif", "heic"):
        content = boxes.property_of(data, b"colrnclx")
        return struct.unpack_from(">HH", content) if content and len(content) >= 4 else None
    if image_format != "png":
        return None
    for chunk in chunks(data):
        if chunk.kind == b"IDAT":
            return None
        if chunk.kind == b"cICP" and chunk.end - chunk.start == 16 and chunk.has_right_checksum(data):
            primaries, transfer, matrix, _ = chunk.content(data)
            return (primaries, transfer) if matrix == 0 else None
    return None


def is_hdr(image_format: str, data: bytes) -> bool:
    """Whether the file says by its code points that its curve is PQ's or HLG's."""
    codes = code_points(image_format, data)
    return codes is not None and codes[1] in curves.HDR


def is_gray(image: Image.Image) -> bool:
    """Whether it has one band of light, with or without transparency."""
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I;16")


def _of_codes(codes: tuple[int, int], image: Image.Image) -> bytes | None:
    primaries, curve = PRIMARIES[codes[0]], curves.curve(codes[1])
    if curve is None or (codes[1] in curves.AS_SRGB and (primaries == SRGB or is_gray(image))):
        return None
    return profile.of_gray(curve) if is_gray(image) else profile.of_color(primaries, (curve, curve, curve))


def _of_old_png(image: Image.Image) -> bytes | None:
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity")
    if "srgb" in image.info or not gamma:
        return None
    if points is None or is_gray(image):
        if abs(gamma * 2.2 - 1) < NEUTRAL:
            return None
        points = [part for point in (D65, *SRGB[:3]) for part in point]
    white, red, green, blue = ((points[at], points[at + 1]) for at in (0, 2, 4, 6))
    try:
        if is_gray(image):
            return profile.of_gray(profile.power(1 / gamma))
        return _of_display((red, green, blue, white), [1 / gamma] * 3)
    except (ArithmeticError, struct.error):  # collinear primaries, or a gamma out of range
        return None


def _of_bmp(data: bytes) -> bytes | None:
    """The profile that is in the file; or one of its primaries and exponents, which all have the white D65.

    A linked profile is a name of a file on another computer. Windows' own space is sRGB.
    """
    (size,) = struct.unpack_from("<I", data, 14)
    if size < BMP_WITH_COLORS:
        return None
    (kind,) = struct.unpack_from("<I", data, 14 + 56)
    if kind == BMP_EMBEDDED and size >= BMP_WITH_PROFILE:
        start, length = struct.unpack_from("<II", data, 14 + 112)
        icc = data[14 + start : 14 + start + length]
        return icc if space_of(icc) == COLOR else None
    if kind != BMP_CALIBRATED:
        return None
    points = [part / FIXED_2_30 for part in struct.unpack_from("<9I", data, 14 + 60)]
    red, green, blue = ((points[at], points[at + 1]) for at in (0, 3, 6))
    exponents = [part / 65536 for part in struct.unpack_from("<3I", data, 14 + 96)]
    try:
        return _of_display((red, green, blue, D65), exponents)
    except (ArithmeticError, struct.error):  # most often zeros
        return None


def _of_display(primaries: Primaries, exponents: Sequence[float]) -> bytes | None:
    """None for sRGB, as near as primaries and exponents can say it."""
    given = [*sum(primaries, ()), *(1 / exponent for exponent in exponents)]
    of_srgb = [*sum(SRGB, ()), *[1 / 2.2] * 3]
    if all(abs(one - other) < SRGB_TOLERANCE for one, other in zip(given, of_srgb, strict=True)):
        return None
    red, green, blue = (profile.power(exponent) for exponent in exponents)
    return profile.of_color(primaries, (red, green, blue))
