"""ICC profiles: the color space of one, and one made from primaries and curves (ICC.1:2010, sections 7, 9.2 and 10).

No files of finished profiles are shipped in its place: a PNG and a BMP may have any gamma and any primaries, and two
kinds of pixels (gray and in color) times the primaries and curves of `code_points` are more than a few.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import ImageCms

Point = tuple[float, float]  # CIE 1931 x and y
Primaries = tuple[Point, Point, Point, Point]  # red, green, blue, white
Matrix = Sequence[Sequence[float]]

BROKEN: Final = (OSError, ValueError, ImageCms.PyCMSError)  # what Pillow raises for invalid profiles
GRAY, COLOR = "GRAY", "RGB "  # the color spaces of profiles, as ICC.1 names them
D50: Final = (0.9642, 1.0, 0.8249)  # the ICC's own white, X Y Z
BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
TEXT: Final = b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", 2, 28) + "-".encode("utf-16-be")


@lru_cache(maxsize=64)
def space_of(profile: bytes) -> str | None:
    """The color space that a profile is for, None for an invalid profile."""
    try:
        return str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space)
    except BROKEN:
        return None


def power(exponent: float) -> bytes:
    """A curve from code values to linear light, as a tag's content. Raises struct.error beyond 32,767."""
    return b"para" + struct.pack(">4xHxx", 0) + _fixed((exponent,))


def srgb_curve() -> bytes:
    """IEC 61966-2-1."""
    return b"para" + struct.pack(">4xHxx", 3) + _fixed((2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))


def table(values: Sequence[float]) -> bytes:
    """A curve of equally spaced values, each 0 to 1."""
    samples = (round(value * 65535) for value in values)
    return b"curv" + struct.pack(f">4xI{len(values)}H", len(values), *samples)


@lru_cache(maxsize=16)
def of_color(primaries: Primaries, curves: tuple[bytes, bytes, bytes]) -> bytes:
    """A display's profile: a curve for each of red, green and blue, and a matrix.

    Raises:
        ArithmeticError: the primaries lie on one line, or one has no brightness.
        struct.error: a number is out of range.
    """
    columns = [b"XYZ \0\0\0\0" + _fixed(column) for column in zip(*_to_d50(primaries), strict=True)]
    names = ((b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC"))
    return _profile(b"RGB ", dict(zip(names[0], columns, strict=True)) | dict(zip(names[1], curves, strict=True)))


@lru_cache(maxsize=16)
def of_gray(curve: bytes) -> bytes:
    """A profile for pixels with one sample."""
    return _profile(b"GRAY", {b"kTRC": curve})


def _profile(space: bytes, own: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": TEXT, b"cprt": TEXT, b"wtpt": b"XYZ \0\0\0\0" + _fixed(D50), **own}
    listed, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        listed += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    kinds = struct.pack(">I4xI4s4s4s", start + len(body), 0x04200000, b"mntr", space, b"XYZ ")
    header = kinds + struct.pack(">12x4s28x", b"acsp") + _fixed(D50) + bytes(48)
    return header + struct.pack(">I", len(tags)) + listed + body


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
