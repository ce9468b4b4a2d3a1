"""No variant takes more bytes than its original shows to be enough.

A variant in its original's format may have as many bytes as the original's picture (without metadata), times the ratio
of their sides to the power of 1.5: at half the width, 35 % of them. A picture that is made smaller at one quality sheds
bytes a little faster than that, so only a variant with a higher quality than its original's is above the limit. The
limit depends on the original and this variant alone, and it falls with the size: so does a variant's length.

Where no pixel was changed, the original's own coded picture is published if it is the shorter one. Any other variant
above its limit is encoded again: with a lower quality, or with fewer colors.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from processing.imaging import color, savings
from processing.imaging.coded import hides_nothing, parts_alone
from processing.imaging.encode import DEFAULT_QUALITY, FrameSequence, encode
from processing.imaging.gif_reader import GifFile
from processing.imaging.original import Original
from processing.imaging.palette import MOST, Palette
from processing.imaging.savings import Write
from processing.imaging.steps import Job
from processing.picture import Size
from processing.recipe import VariantSpec

EXPONENT: Final = 1.5
GIF_EXPONENT: Final = 0.5  # its color tables do not shrink, and a drawing gets more colors where it is resized
ALWAYS_ALLOWED: Final = 1_000  # bytes, up to the original's own: headers and tables are most of so small a file
DRAWN_BYTES: Final = 0.75  # a pixel, in a PNG: photographs take more
GRAYS: Final = 16  # of a resized original in black and white: 4 bits a pixel
WITH_PALETTES: Final = ("png", "gif", "bmp", "tiff")
EIGHT_BITS: Final = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one original allows.

    Args:
        coded: the parts of its picture alone, None where they are not known.
        colors: how many it has, or of an animated GIF its largest table; None for more than 256, and in formats
            without palettes.
    """

    original: Original
    coded: Sequence[bytes | memoryview] | None
    colors: int | None

    @classmethod
    def of(cls, original: Original) -> "Budget":
        """The budget of an original of which a frame is decoded."""
        has_more_pictures = "mp" in original.image.info  # such as a gain map
        coded = None if has_more_pictures else parts_alone(original.header.image_format, original.data)
        return cls(original, coded, _colors(original))

    @property
    def whole(self) -> int:
        """The length of the original's picture."""
        return sum(map(len, self.coded)) if self.coded else len(self.original.data)

    def limit(self, size: Size) -> float:
        """The most bytes of a variant of this size."""
        width, height = self.original.shown_size
        sides = min(1.0, math.sqrt(size[0] * size[1] / (width * height)))
        exponent = GIF_EXPONENT if self.original.header.image_format == "gif" else EXPONENT
        return max(self.whole * math.pow(sides, exponent), min(self.whole, ALWAYS_ALLOWED))

    def content(self, job: Job, sequence: FrameSequence) -> bytes:
        """The file of a variant."""
        spec = job.layout.spec
        notice = self.original.metadata.copyright if spec.metadata == "copyright" else None

        def write(spec: VariantSpec, palette: Palette | None = None) -> bytes:
            return encode(sequence, job.output, spec, notice, palette)

        content = write(spec, self._palette() if job.output == "png" else None)
        if job.output != self.original.header.image_format:
            return content
        if self.coded and self.whole < len(content) and notice is None and self._is_untouched(job):
            coded = b"".join(self.coded)
            content = coded if hides_nothing(job.output, coded) else content
        limit = self.limit(sequence.frames[0].size)
        if len(content) > limit:
            content = _first_within(limit, content, self._savings(write, job, sequence, len(content), limit))
        if len(content) > self.whole and job.output in ("png", "gif") and self._is_drawn() and not sequence.is_animated:
            own = savings.in_own_colors(write, spec, self.colors or MOST)
            content = _first_within(self.whole, content, own)
        return content

    def _savings(self, write: Write, job: Job, sequence: FrameSequence, length: int, limit: float) -> Iterator[bytes]:
        """Further files, for one of this length."""
        spec = job.layout.spec
        if job.output in DEFAULT_QUALITY:
            return savings.lossy(write, spec, job.output, length, limit)
        if not sequence.is_animated:
            return savings.still(write, spec, drawn=self._is_drawn())
        is_gif = job.output == "gif"
        return savings.animated_gif(write, spec, self.colors, limit / length) if is_gif else iter(())

    def _palette(self) -> Palette | None:
        """For the resized pixels of an original with few colors."""
        return Palette(GRAYS if self.original.header.mode == "1" else MOST) if self.colors else None

    def _is_drawn(self) -> bool:
        """Whether the original is a drawing or a screenshot and no photograph, as its bytes tell."""
        width, height = self.original.shown_size
        return self.colors is not None or self.whole < DRAWN_BYTES * width * height

    def _is_untouched(self, job: Job) -> bool:
        """Whether each pixel of the variant is the original's, in the same place and in the same color."""
        header, layout = self.original.header, job.layout
        is_deep = header.image_format == "png" and self.original.data[24] > 8
        return (
            layout.frame == self.original.shown_size
            and layout.crop is None
            and layout.canvas is None
            and layout.spec.watermark is None
            and job.orientation == 1
            and not is_deep
            and color.is_srgb(job.icc, header.mode)
        )


def _first_within(limit: float, content: bytes, further: Iterator[bytes]) -> bytes:
    """The first of some files that is within the limit, otherwise the shortest."""
    for each in further:
        content = min(content, each, key=len)
        if len(content) <= limit:
            break
    return content


def _colors(original: Original) -> int | None:
    header, image = original.header, original.image
    if original.is_composed:  # of more frames than the one that ``image`` would decode
        return image.colors if isinstance(image, GifFile) else None
    if header.image_format not in WITH_PALETTES or image.mode not in EIGHT_BITS:
        return None
    found = image.getcolors(MOST)
    return len(found) if found else None
