"""No variant takes more bytes than its original shows to be enough.

A variant in its original's format may have as many bytes as the original's picture (without metadata), times the ratio
of their sides: at half the width, half of them. Because a picture that is made smaller sheds bytes faster than that,
only an original which was coded harder than the recipe asks for ever reaches its limit. The limit depends on the
original and this variant alone, and it falls with the size, so a smaller variant is not larger than a larger one.

Where no pixel was changed, the original's own coded picture is published if it is the shorter one. Any other variant
above its limit is encoded again: with a lower quality, or with fewer colours.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from processing.imaging import colour
from processing.imaging.coded import hides_nothing, picture_alone
from processing.imaging.encode import FrameSequence, encode, quality_of
from processing.imaging.original import Original
from processing.imaging.palette import Palette
from processing.imaging.steps import Job
from processing.picture import Size
from processing.recipe import VariantSpec

ALWAYS_ALLOWED: Final = 1_000  # bytes, up to the original's own: headers and tables are most of so small a file
QUALITIES: Final = (100, 95, 90, 82, 75, 65, 55, 45, 35, 25, 15, 8)
TYPICAL: Final = dict(
    zip(QUALITIES, (2.7, 1.65, 1.3, 1.0, 0.85, 0.74, 0.66, 0.59, 0.52, 0.44, 0.35, 0.28), strict=True)
)
"""A file's bytes at each quality, compared with 82: the median of 21 photographs and screenshots."""
SLOW: Final = dict(zip(QUALITIES[4:], (0.91, 0.82, 0.78, 0.73, 0.66, 0.6, 0.55, 0.5), strict=True))
"""The same of the tenth of them whose bytes fall least."""
GIF_COLOURS: Final = {0.7: 128, 0.5: 64, 0.0: 32}  # of a frame, by the part of its bytes that is allowed
PALETTES: Final = {mode: Palette(256) for mode in ("P", "PA")} | {"1": Palette(16)}  # by the original's mode
PNG_PALETTES: Final = tuple(Palette(colours, error=3.0) for colours in (256, 64, 16))


@dataclass(frozen=True, slots=True)
class Budget:
    """What one original allows; ``coded`` is its picture alone, where that is known."""

    original: Original
    coded: bytes | None

    @classmethod
    def of(cls, original: Original) -> "Budget":
        has_more_pictures = "mp" in original.image.info  # such as a gain map
        image_format = original.header.image_format
        return cls(original, None if has_more_pictures else picture_alone(image_format, original.data))

    def content(self, job: Job, sequence: FrameSequence) -> bytes:
        """The file of a variant."""
        spec = job.layout.spec
        notice = self.original.metadata.copyright if spec.metadata == "copyright" else None
        palette = PALETTES.get(self.original.header.mode)
        content = encode(sequence, job.output, spec, notice, palette)
        if job.output != self.original.header.image_format:
            return content
        if self.coded and len(self.coded) < len(content) and notice is None and self._is_untouched(job):
            content = self.coded if hides_nothing(job.output, self.coded) else content
        limit = self.limit(sequence.frames[0].size)
        if len(content) <= limit:
            return content
        for cheaper, fewer in _savings(job.output, spec, limit / len(content)):
            content = min(content, encode(sequence, job.output, cheaper, notice, fewer), key=len)
            if len(content) <= limit:
                break
        return content

    def limit(self, size: Size) -> float:
        """The most bytes of a variant of this size."""
        width, height = self.original.shown_size
        sides = math.sqrt(size[0] * size[1] / (width * height))
        whole = len(self.coded or self.original.data)
        return max(whole * min(sides, 1.0), min(whole, ALWAYS_ALLOWED))

    def _is_untouched(self, job: Job) -> bool:
        """Whether each pixel of the variant is the original's, in the same place and in the same colour."""
        header, layout = self.original.header, job.layout
        is_deep = header.mode.startswith("I;16") or (header.image_format == "png" and self.original.data[24] > 8)
        return (
            layout.frame == self.original.shown_size
            and layout.crop is None
            and layout.canvas is None
            and layout.spec.watermark is None
            and job.orientation == 1
            and header.mode != "CMYK"
            and not is_deep
            and colour.is_srgb(job.icc)
        )


def _savings(output: str, spec: VariantSpec, part: float) -> Iterator[tuple[VariantSpec, Palette | None]]:
    """Settings that make a smaller file, to be tried in this order until it has at most this part of its bytes."""
    if output == "gif":
        yield spec, Palette(next(colours for least, colours in GIF_COLOURS.items() if part >= least))
    elif output == "png":
        yield from ((spec, each) for each in PNG_PALETTES)
    else:
        now = quality_of(spec, output)
        qualities = [_quality(now, part, bytes_by_quality) for bytes_by_quality in (TYPICAL, SLOW)]
        yield from ((replace(spec, quality=each), None) for each in dict.fromkeys(qualities))


def _quality(now: int, part: float, bytes_by_quality: Mapping[int, float]) -> int:
    """The highest quality with which a file of quality ``now`` keeps this part of its bytes."""
    above = min(quality for quality in QUALITIES if quality >= now)
    enough = [each for each, share in bytes_by_quality.items() if each < now and share <= part * TYPICAL[above]]
    return max(enough, default=min(now, QUALITIES[-1]))
