"""Further files of a variant that is larger than it may be: with a lower quality, more effort, or fewer colors.

Each function yields one file after the other; whoever reads them stops at the first that is small enough.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Protocol

from processing.imaging.encode import quality_of
from processing.imaging.palette import UNSEEN, Palette
from processing.recipe import VariantSpec

BYTES: Final = dict(
    zip(
        (100, 95, 90, 82, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5),
        (2.7, 1.65, 1.3, 1.0, 0.85, 0.8, 0.74, 0.7, 0.66, 0.63, 0.59, 0.55, 0.52, 0.48, 0.44, 0.4, 0.35, 0.3, 0.2),
        strict=True,
    )
)
"""A file's bytes at each quality, compared with 82: the median of 21 photographs and screenshots."""
LEAST_WITH_MARK: Final = 0.6  # of the recipe's quality: the original does not show how many bytes a mark takes
TRIES: Final = 3  # at a lower quality, each one reckoned from the bytes of the one before
EFFORT: Final = 9
FEWER: Final = (256, 128, 64, 32, 16)  # colors of a still
HARDLY_SEEN: Final = 3.0  # levels: the mean error of fewer colors in a drawing
ANY_ERROR: Final = 256.0
MOVING: Final = {0.7: 128, 0.5: 64, 0.0: 32}  # colors of a frame, by the part of its bytes that an animation may have


class Write(Protocol):
    """Makes a file of the same pixels with other settings."""

    def __call__(self, spec: VariantSpec, palette: Palette | None = None) -> bytes: ...


def lossy(write: Write, spec: VariantSpec, output: str, length: int, limit: float) -> Iterator[bytes]:
    """With the quality at which a file of this length has, as a rule, no more bytes than the limit."""
    quality = quality_of(spec, output)
    least = round(LEAST_WITH_MARK * quality) if spec.watermark else 0
    for _ in range(TRIES):
        if quality <= least:
            return
        quality = max(_lower_quality(quality, limit / length), least)
        content = write(replace(spec, format=output, quality=quality))  # type: ignore[arg-type]  # a str for its Literal
        length = len(content)
        yield content


def still(write: Write, spec: VariantSpec, *, drawn: bool) -> Iterator[bytes]:
    """A PNG or a GIF: first without another loss, then with a palette whose error is small."""
    hardest = write(replace(spec, effort=EFFORT))
    yield hardest
    for most in FEWER:
        content = write(spec, Palette(most, HARDLY_SEEN if drawn else UNSEEN))
        yield content
        if not drawn and len(content) >= len(hardest):
            return  # the error of 256 colors is too large: that of fewer is as well


def in_own_colors(write: Write, spec: VariantSpec, colors: int) -> Iterator[bytes]:
    """With no more colors than the original has, then with half and a quarter of them, whatever the error."""
    for part in (1, 2, 4):
        yield write(spec, Palette(max(colors // part, 2), ANY_ERROR))


def animated_gif(write: Write, spec: VariantSpec, colors: int | None, part: float) -> Iterator[bytes]:
    """Once, since each file takes as long as the first: with as many colors as the part of its bytes suggests."""
    most = next(colors for least, colors in MOVING.items() if part >= least)
    yield write(spec, Palette(min(most, max(colors or most, 8))))


def _lower_quality(now: int, part: float) -> int:
    """The highest quality with which a file of quality ``now`` keeps, as a rule, this part of its bytes."""
    above = min(quality for quality in BYTES if quality >= now)
    enough = [quality for quality, share in BYTES.items() if quality < now and share <= part * BYTES[above]]
    return max(enough, default=min(now, *BYTES))
