"""ICC profiles, written by hand (ICC.1:2001-04): matrices and curves for RGB and gray, a table for CMYK."""

import struct
from collections.abc import Sequence
from itertools import product

from tests.corpus.metadata import secret

D50 = (0.9642, 1.0, 0.8249)
Triple = tuple[float, float, float]


def adobe_rgb() -> bytes:
    """Adobe RGB (1998), section 4.3, its colorants adapted to D50."""
    red, green, blue = (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)
    return _matrix((red, green, blue), _gamma(563 / 256))


def display_p3() -> bytes:
    red, green, blue = (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)
    return _matrix((red, green, blue), _table([srgb_to_linear(step / 1023) for step in range(1024)]))


def srgb() -> bytes:
    """sRGB under a name of its own: it changes nothing, and hides a secret all the same."""
    red, green, blue = (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)
    return _matrix((red, green, blue), _table([srgb_to_linear(step / 1023) for step in range(1024)]))


def gray() -> bytes:
    """A gray that is brighter than sRGB's."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _gamma(1.4)})


def press() -> bytes:
    """CMYK, by the Lab colors of the sixteen mixtures of full inks; in between it is linear."""
    inks = {
        (0, 0, 0): (96, 0, 4),
        (1, 0, 0): (55, -37, -50),
        (0, 1, 0): (48, 74, -3),
        (0, 0, 1): (89, -5, 93),
        (1, 1, 0): (24, 22, -46),
        (1, 0, 1): (50, -68, 25),
        (0, 1, 1): (47, 68, 48),
        (1, 1, 1): (22, 0, 2),
    }
    table = b""
    for cyan, magenta, yellow, black in product((0, 1), repeat=4):
        lab = inks[cyan, magenta, yellow]
        light, a, b = (value / 6 for value in lab) if black else lab
        table += bytes((round(light * 2.55), round(a) + 128, round(b) + 128))
    straight = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    a2b = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + straight * 4 + table + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": a2b})


def srgb_to_linear(value: float) -> float:
    """IEC 61966-2-1, both ends 0 to 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _matrix(colorants: tuple[Triple, Triple, Triple], curve: bytes) -> bytes:
    tags = {b"wtpt": _xyz(D50)}
    for name, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags |= {name + b"XYZ": _xyz(colorant), name + b"TRC": curve}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def _table(values: Sequence[float]) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *(round(each * 65535) for each in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = secret("profile") + b"\0"
    tags = tags | {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0" + text,
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body
