"""No variant takes more bytes than its original shows to be enough.

A variant in its original's format may have as many bytes as the original's picture (without metadata), times the ratio
of their sides to the power of 1.5: at half the width, 35 % of them. A picture that is made smaller at one quality sheds
bytes a little faster than that, so only a variant with a higher quality than its original's is above the limit. The
limit depends on the original and this variant alone, and it falls with the size: so does a variant's length.

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

EXPONENT: Final = 1.5
GIF_EXPONENT: Final = 0.5  # its colour tables do not shrink, and a drawing gets more colours where it is resized
ALWAYS_ALLOWED: Final = 1_000  # bytes, up to the original's own: headers and tables are most of so small a file
QUALITIES: Final = (100, 95, 90, 82, 75, 65, 55, 45, 35, 25, 15, 8)
TYPICAL: Final = dict(
    zip(QUALITIES, (2.7, 1.65, 1.3, 1.0, 0.85, 0.74, 0.66, 0.59, 0.52, 0.44, 0.35, 0.28), strict=True)
)
"""A file's bytes at each quality, compared with 82: the median of 21 photographs and screenshots."""
SLOW: Final = dict(zip(QUALITIES[4:], (0.91, 0.82, 0.78, 0.73, 0.66, 0.6, 0.55, 0.5), strict=True))
"""The same of the tenth of them whose bytes fall least."""
FEWER: Final = (256, 128, 64, 32, 16)  # colours of a PNG or a GIF, as long as ...
SEEN: Final = 3.0  # ... their mean error is smaller than so many levels
MOVING: Final = {0.7: 128, 0.5: 64, 0.0: 32}  # colours of an animation's frames, by the part of its bytes it may have


@dataclass(frozen=True, slots=True)
class Budget:
    """What one original allows.

    Args:
        coded: its picture alone, None where that is not known.
        colours: how many it has, None for more than 256 and where that does not matter.
    """

    original: Original
    coded: bytes | None
    colours: int | None

    @classmethod
    def of(cls, original: Original) -> "Budget":
        """The budget of an original whose first frame is decoded."""
        has_more_pictures = "mp" in original.image.info  # such as a gain map
        coded = None if has_more_pictures else picture_alone(original.header.image_format, original.data)
        return cls(original, coded, _colours(original))

    def content(self, job: Job, sequence: FrameSequence) -> bytes:
        """The file of a variant."""
        spec = job.layout.spec
        notice = self.original.metadata.copyright if spec.metadata == "copyright" else None
        palette = self._palette() if job.output == "png" else None
        content = encode(sequence, job.output, spec, notice, palette)
        if job.output != self.original.header.image_format:
            return content
        if self.coded and len(self.coded) < len(content) and notice is None and self._is_untouched(job):
            content = self.coded if hides_nothing(job.output, self.coded) else content
        limit = self.limit(sequence.frames[0].size)
        if len(content) <= limit:
            return content
        for cheaper, fewer in self._savings(job, limit / len(content), is_animated=sequence.is_animated):
            content = min(content, encode(sequence, job.output, cheaper, notice, fewer), key=len)
            if len(content) <= limit:
                break
        return content

    def limit(self, size: Size) -> float:
        """The most bytes of a variant of this size."""
        width, height = self.original.shown_size
        sides = math.sqrt(size[0] * size[1] / (width * height))
        whole = len(self.coded or self.original.data)
        exponent = GIF_EXPONENT if self.original.header.image_format == "gif" else EXPONENT
        return max(whole * float(min(sides, 1.0) ** exponent), min(whole, ALWAYS_ALLOWED))

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
            and not is_deep
            and colour.is_srgb(job.icc, header.mode)
        )

    def _palette(self) -> Palette | None:
        """For the resized pixels of an original with few colours."""
        return Palette(16 if self.original.header.mode == "1" else 256) if self.colours else None

    def _savings(self, job: Job, part: float, *, is_animated: bool) -> Iterator[tuple[VariantSpec, Palette | None]]:
        """Settings that make a smaller file, to be tried in this order until it has at most this part of its bytes."""
        spec = job.layout.spec
        if job.output == "gif" and is_animated:
            yield spec, Palette(next(colours for least, colours in MOVING.items() if part >= least))
        elif job.output in ("png", "gif"):
            yield from ((spec, Palette(colours, SEEN)) for colours in FEWER if colours > (self.colours or 0))
            yield spec, Palette(self.colours or FEWER[-1], SEEN if self.colours is None else 255.0)
        else:
            now = quality_of(spec, job.output)
            qualities = [_quality(now, part, bytes_by_quality) for bytes_by_quality in (TYPICAL, SLOW)]
            yield from ((replace(spec, quality=each), None) for each in dict.fromkeys(qualities))


def _colours(original: Original) -> int | None:
    """The number of colours that a still PNG or GIF has."""
    header, image = original.header, original.image
    if header.image_format not in ("png", "gif", "bmp", "tiff") or image.mode.startswith("I;16"):
        return None
    found = image.getcolors(256)
    return len(found) if found else None


def _quality(now: int, part: float, bytes_by_quality: Mapping[int, float]) -> int:
    """The highest quality with which a file of quality ``now`` keeps this part of its bytes."""
    above = min(quality for quality in QUALITIES if quality >= now)
    enough = [each for each, share in bytes_by_quality.items() if each < now and share <= part * TYPICAL[above]]
    return max(enough, default=min(now, QUALITIES[-1]))
