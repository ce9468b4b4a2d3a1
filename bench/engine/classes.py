"""The measured classes of originals, the three variants of each, and their watermark."""

from dataclasses import dataclass
from typing import Any, Self

from processing.recipe import Recipe, Watermark, load

BOXES = {"desktop": 1920, "tablet": 1024, "phone": 480}
QUALITY = {"jpeg": 82, "webp": 80, "png": 0, "gif": 0}
MARK = Watermark(text="© Darkroom")


@dataclass(frozen=True)
class Class:
    """A kind of original; ``output`` is the format of its variants."""

    name: str
    output: str = "jpeg"
    marked: bool = True
    slow: bool = False  # measured in a third of the rounds
    memory_only: bool = False


def sizes_of(size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """Return the sizes of the variants of an original, none larger than itself."""
    width, height = size
    scales = {name: min(1.0, side / width, side / height) for name, side in BOXES.items()}
    return {name: (round(width * scale), round(height * scale)) for name, scale in scales.items()}


@dataclass(frozen=True)
class Job:
    """One image for an engine, with everything prepared, as in a warm service."""

    name: str
    file: str
    output: str
    quality: int
    sizes: dict[str, tuple[int, int]]
    marks: dict[str, tuple[str, int, int]]  # by variant: a PNG file, and the place of its corner
    moves: bool

    @classmethod
    def of(cls, described: dict[str, Any]) -> Self:
        """Return a job that was written as JSON, in which tuples are lists."""
        sizes = {name: (width, height) for name, (width, height) in described["sizes"].items()}
        marks = {name: (file, left, top) for name, (file, left, top) in described["marks"].items()}
        return cls(**{**described, "sizes": sizes, "marks": marks})


HEADLINE = "JPEG 12 MP, detailed, untagged"
"""3.7 MB, as phones and cameras write them."""

CLASSES = (
    Class(HEADLINE),
    Class("JPEG 12 MP, detailed, tagged sRGB"),
    Class("JPEG 12 MP, soft"),
    Class("JPEG 2 MP"),
    Class("JPEG 24 MP"),
    Class("JPEG 48 MP"),
    Class("JPEG 12 MP, progressive"),
    Class("JPEG 12 MP, CMYK"),
    Class("JPEG 12 MP, Adobe RGB"),
    Class("PNG 12 MP, RGB", "png"),
    Class("PNG 12 MP, RGBA", "png"),
    Class("WebP 12 MP", "webp"),
    Class("TIFF 12 MP, LZW"),
    Class("GIF 800 x 600, 24 frames", "gif", marked=False, slow=True),
    Class("JPEG 100 MP", memory_only=True),
    Class("JPEG 80 MP, progressive", memory_only=True),
    Class("PNG 80 MP", "png", memory_only=True),
)


def recipe(*, marked: bool) -> Recipe:
    """Return the recipe with which this engine makes the same variants as the others."""
    lines = [f'[watermarks.mark]\ntext = "{MARK.text}"']
    for name, side in BOXES.items():
        lines.append(f"[variants.{name}]\nwidth = {side}\nheight = {side}")
        lines.extend(['watermark = "mark"'] if marked else [])
    return load("\n".join(lines))
