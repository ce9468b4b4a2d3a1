"""The CPU of one image: its rendering by pixels, bytes and processor, and the consumer's own work beside it.

::

    milliseconds  =  SPEED x (PIXELS of its megapixels  +  CODES x its MB        to render it
                              +  REQUESTS  +  BODY x its MB)                     of the consumer beside that

A file of so many pixels takes longer the more bytes it has, because a JPEG's codes are read one by one: a photo of 12
megapixels as cameras write it, of 3 to 4 MB, takes 1.2 to 1.35 times the CPU of the soft picture of 1.4 MB in
docs/benchmarks.md. All was measured on a shared x86-64 machine and not on Lambda. `python -m bench.estimate` prints
`SPEED`, calibrated on one class, and compares what follows for the others with what is measured.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from ops.cli.prices import Architecture

MEASURED: Final = "2026-11-26"
SPEED: Final = 1.04  # times the CPU below: what `python -m bench.estimate` prints on a quiet machine
Curve = Sequence[tuple[float, float]]
"""Megapixels, and CPU milliseconds there."""

MEGAPIXELS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 48.0)
WITH_SIMD: Final = (5.6, 7.8, 18.7, 26.3, 42.4, 51.2, 58.4, 69.1, 79.5, 48.1, 72.4)
WITHOUT_SIMD: Final = (9.4, 14.0, 43.5, 61.7, 147.3, 198.9, 240.4, 288.6, 327.4, 169.3, 253.0)
"""CPU milliseconds of a JPEG of so many megapixels and its three variants in JPEG, beyond its codes: one picture at all
sizes, each file rendered nine times with cykooz-resizer and with Pillow's own resizer in its place, in turn. From three
times the largest variant's width on (between 20 and 24 megapixels here) a JPEG is decoded at half its size."""
PIXELS: Final[Mapping[Architecture, Curve]] = {
    "x86_64": tuple(zip(MEGAPIXELS, WITH_SIMD, strict=True)),
    "arm64": tuple(zip(MEGAPIXELS, WITHOUT_SIMD, strict=True)),
}
"""cykooz-resizer has no wheel for aarch64. Both are of an x86-64 processor: what differs is the resizer alone."""
CODES: Final = 9.8  # for each MB of the file: one picture of 12 megapixels, at qualities of 0.7 to 2.4 MB
REQUESTS: Final = 11.0  # of an image's seven requests, its record and its log line: bench.pipeline, of small images
BODY: Final = 2.8  # for each MB: it is received, decrypted, checked and handed over; bench.pipeline, of large ones
BYTES_A_PIXEL: Final = 0.3  # of a camera's JPEG; where only the size of a file is known


def rendering(megapixels: float, size: float, architecture: Architecture = "x86_64") -> float:
    """CPU milliseconds to render a file of so many bytes; straight lines between what was measured."""
    return SPEED * (_on(PIXELS[architecture], megapixels) + CODES * size / 1e6)


def requesting(size: float) -> float:
    """CPU milliseconds beyond rendering, of an image whose file has so many bytes, or of one that is not fetched."""
    return SPEED * (REQUESTS + BODY * size / 1e6)


def megapixels_of(size: float) -> float:
    """How large the picture in a file of so many bytes is, as cameras write them."""
    return size / BYTES_A_PIXEL / 1e6


def bytes_of(megapixels: float) -> float:
    """The bytes of a photo, as cameras write them."""
    return megapixels * 1e6 * BYTES_A_PIXEL


def _on(curve: Curve, megapixels: float) -> float:
    """Beyond its ends the curve goes on; a picture of nothing still has a header and three files."""
    sizes = [size for size, _ in curve]
    at = min(max(bisect_left(sizes, megapixels), 1), len(curve) - 1)
    (small, less), (large, more) = curve[at - 1], curve[at]
    return max(curve[0][1], less + (megapixels - small) * (more - less) / (large - small))
