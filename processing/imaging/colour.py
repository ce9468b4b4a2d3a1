"""Every colour space becomes sRGB, in which browsers show an image without a profile.

A file may describe its colour space in numbers instead of an ICC profile: AVIF, HEIC and PNG by the code points of
ITU-T H.273 (CICP), an older PNG by gamma and primaries. These numbers are made into a profile.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageCms

from processing.imaging.resize import largest_difference

# The profile's own table is used for colours outside sRGB; NOCACHE lets threads share a transform.
INTENT: Final = ImageCms.Intent.PERCEPTUAL
FLAGS: Final = ImageCms.Flags.NOCACHE
SPACES: Final = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
BROKEN: Final = (OSError, ValueError, ImageCms.PyCMSError)  # what Pillow raises for invalid profiles
SRGB_AREA: Final = 0.1121  # of the triangle between the primaries, in CIE 1931 xy
WIDER_FACTOR: Final = 1.05
MAX_SHIFT: Final = 1  # levels: a profile that changes no colour by more is sRGB under another name

Point = tuple[float, float]  # CIE 1931 x and y
Primaries = tuple[Point, Point, Point, Point]  # red, green, blue, white
Matrix = Sequence[Sequence[float]]

D65: Final = (0.3127, 0.3290)
SRGB: Final[Primaries] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
BT_2020: Final[Primaries] = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65)
DISPLAY_P3: Final[Primaries] = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65)
PRIMARIES: Final = {1: SRGB, 9: BT_2020, 12: DISPLAY_P3}
SRGB_CURVE: Final = 0.0  # not a power
CURVES: Final = {1: SRGB_CURVE, 6: SRGB_CURVE, 13: SRGB_CURVE, 14: SRGB_CURVE, 15: SRGB_CURVE, 4: 2.2, 5: 2.8, 8: 1.0}
"""By transfer characteristics; those of cameras are shown as sRGB's, as browsers do. PQ and HLG are not converted."""

SRGB_TOLERANCE: Final = 0.01  # of gamma and primaries in a PNG that stand for sRGB, whose curve they cannot express
D50: Final = (0.9642, 1.0, 0.8249)  # the ICC's own white, X Y Z
BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by the embedded profile; an invalid profile, or one for another colour space, is ignored.

    CMYK without a profile is converted as browsers do it.
    """
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        return transform.apply(image)
    return image.convert("RGB") if image.mode == "CMYK" else image


def is_srgb(profile: bytes | None, mode: str) -> bool:
    """Whether `to_srgb` changes no colour of an image that was opened in this mode."""
    modes = ("L",) if mode in ("1", "L") else ("RGB", "RGBA")
    return mode != "CMYK" and (profile is None or all(_transform(profile, each) is None for each in modes))


def lab_to_rgb(image: Image.Image) -> Image.Image:
    """CIE Lab, as TIFF stores it, to sRGB."""
    return _lab_transform().apply(image)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB; None when the profile is unusable, or changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != SPACES[mode]:
            return None
        target = "RGBA" if mode == "RGBA" else "RGB"
        transform = ImageCms.ImageCmsTransform(source, _srgb(), mode, target, INTENT, flags=FLAGS)
    except BROKEN:
        return None
    return None if _is_identity(transform, mode) else transform


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsTransform(lab, _srgb(), "LAB", "RGB", INTENT, flags=FLAGS)


@lru_cache(maxsize=64)
def is_wider_than_srgb(profile: bytes) -> bool:
    """Whether an RGB profile's primaries span clearly more colours than sRGB's, as Adobe RGB's and P3's do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    except BROKEN:
        return False
    corners = [source.red_primary, source.green_primary, source.blue_primary]
    if any(corner is None for corner in corners):
        return False
    (x1, y1), (x2, y2), (x3, y3) = ((corner[1][0], corner[1][1]) for corner in corners if corner)
    return abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) / 2 > SRGB_AREA * WIDER_FACTOR


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a sample of all colours is unchanged: most profiles are sRGB's own."""
    if mode == "CMYK":
        return False
    steps = bytes(range(0, 256, 17))
    if mode == "L":
        colours = Image.frombytes("L", (16, 1), steps)
    else:
        cube = b"".join(bytes((r, g, b)) for r in steps for g in steps for b in steps)
        colours = Image.frombytes("RGB", (256, 16), cube)
    moved = transform.apply(colours.convert(mode)).convert("RGB")
    return largest_difference(colours.convert("RGB"), moved) <= MAX_SHIFT


def profile_from_numbers(image_format: str, head: bytes, info: Mapping[Any, Any]) -> bytes | None:
    """An ICC profile for a file without one, by its numbers; None for sRGB or without such numbers.

    Args:
        head: the file, at least up to its pixels.
        info: Pillow's ``Image.info``.
    """
    codes = code_points(image_format, head)
    if codes is not None:
        primaries, curve = PRIMARIES.get(codes[0]), CURVES.get(codes[1])
        known = primaries is not None and curve is not None
        return _display_profile(primaries, curve) if known and (primaries, curve) != (SRGB, SRGB_CURVE) else None
    gamma, points = info.get("gamma"), info.get("chromaticity")
    if image_format != "png" or "srgb" in info or not gamma or not points:
        return None
    return _of_old_png(gamma, points)


def code_points(image_format: str, head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer characteristics, as ITU-T H.273 numbers them."""
    if image_format in ("avif", "heic"):
        at, layout = head.find(b"colrnclx"), ">HH"
    elif image_format == "png":
        at, layout = head.find(b"cICP", 0, head.find(b"IDAT")), ">BB"
    else:
        return None
    if at < 0 or at + 12 > len(head):
        return None
    primaries, transfer = struct.unpack_from(layout, head, at + (8 if layout == ">HH" else 4))
    return primaries, transfer


def _of_old_png(gamma: float, points: Sequence[float]) -> bytes | None:
    white, red, green, blue = ((points[at], points[at + 1]) for at in (0, 2, 4, 6))
    primaries = (red, green, blue, white)
    pairs = [*zip(sum(primaries, ()), sum(SRGB, ()), strict=True), (gamma, 1 / 2.2)]
    if all(abs(given - srgb) < SRGB_TOLERANCE for given, srgb in pairs):
        return None
    try:
        return _display_profile(primaries, 1 / gamma)
    except (ArithmeticError, struct.error):  # collinear primaries, or a gamma out of range
        return None


@lru_cache(maxsize=16)
def _display_profile(primaries: Primaries, curve: float) -> bytes:
    """A display profile, version 4: a matrix and one curve. ICC.1:2010, sections 7, 9.2 and 10."""
    red, green, blue = zip(*_to_d50(primaries), strict=True)
    gamma = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045) if curve == SRGB_CURVE else (curve,)
    shape = b"para" + struct.pack(">4xHxx", 3 if curve == SRGB_CURVE else 0) + _fixed(gamma)
    text = b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", 2, 28) + "-".encode("utf-16-be")
    tags = {
        b"desc": text,
        b"cprt": text,
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(D50),
        b"rXYZ": b"XYZ \0\0\0\0" + _fixed(red),
        b"gXYZ": b"XYZ \0\0\0\0" + _fixed(green),
        b"bXYZ": b"XYZ \0\0\0\0" + _fixed(blue),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), shape),
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    kinds = struct.pack(">I4xI4s4s4s", start + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header = kinds + struct.pack(">12x4s28x", b"acsp") + _fixed(D50) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def _to_d50(primaries: Primaries) -> Matrix:
    """The matrix from linear RGB to X Y Z under the ICC's white."""
    *corners, white = [(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]
    columns = [[corner[row] for corner in corners] for row in range(3)]
    amounts = _times(_inverse(columns), [[value] for value in white])
    matrix = [[columns[row][band] * amounts[band][0] for band in range(3)] for row in range(3)]
    seen, wanted = (_times(BRADFORD, [[value] for value in each]) for each in (white, D50))
    scale = [[wanted[row][0] / seen[row][0] if row == band else 0.0 for band in range(3)] for row in range(3)]
    return _times(_times(_inverse(BRADFORD), _times(scale, BRADFORD)), matrix)


def _times(one: Matrix, other: Matrix) -> Matrix:
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*other, strict=True)] for row in one
    ]


def _inverse(m: Matrix) -> Matrix:
    def minor(row: int, column: int) -> float:
        (a, b), (c, d) = ([m[r][k] for k in range(3) if k != column] for r in range(3) if r != row)
        return (a * d - b * c) * (1 - 2 * ((row + column) % 2))

    determinant = sum(m[0][column] * minor(0, column) for column in range(3))
    return [[minor(column, row) / determinant for column in range(3)] for row in range(3)]


def _fixed(values: Sequence[float]) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
