"""A recipe in memory: the variants to make, the marks they carry, the limits of what is accepted, one fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal, NamedTuple

ENGINE: Final = 1  # raise it when the same recipe makes other pictures than before: every variant is then out of date

LONGEST_SIDE: Final = 16383  # pixels: what WebP can hold

Fit = Literal["inside", "cover", "pad"]
Format = Literal["keep", "jpeg", "png", "webp", "avif"]
Metadata = Literal["strip", "copyright"]
Place = Literal[
    "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
]  # fmt: skip


class Colour(NamedTuple):
    """Red, green, blue and alpha, each 0 to 255."""

    red: int
    green: int
    blue: int
    alpha: int = 255

    @property
    def opaque(self) -> bool:
        return self.alpha == 255


WHITE: Final = Colour(255, 255, 255)


@dataclass(frozen=True, slots=True)
class Watermark:
    """A text or a logo laid over a variant; exactly one of ``text`` and ``logo`` is set.

    Args:
        logo: a PNG file's bytes.
        colour, outline: of the text.
        position: one of nine places, or "tile".
        scale: the mark's width, as a part of the variant's width.
        opacity: 0 is invisible, 1 as the mark itself is.
        margin: to the variant's edges, or between tiles, as a part of the variant's shorter side.
    """

    text: str | None = None
    logo: bytes | None = field(default=None, repr=False)
    colour: Colour = WHITE
    outline: Colour | None = None
    position: Place | Literal["tile"] = "bottom-right"
    scale: float = 0.2
    opacity: float = 0.6
    margin: float = 0.02


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One variant of every image. It is never larger than the original.

    Args:
        width, height: the box, in pixels of the picture as it is shown; None leaves that side free, up to
            `LONGEST_SIDE`.
        fit: "inside" the box; "cover" it, cropped to its shape; or "pad" to exactly the box.
        gravity: the part that "cover" keeps.
        background: behind transparent pixels where the format has none, and around a padded picture.
        format: "keep" is the original's own, or, where browsers cannot show it, JPEG or (with transparency) PNG.
        quality: 1 to 100, None for the format's default; for the lossy formats.
        effort: 0 (least CPU) to 9 (smallest file), None for the format's default; for PNG, WebP and AVIF.
        progressive: for JPEG: smaller, and 2 to 3 times the CPU to encode.
        metadata: "strip" all of it, or keep the "copyright" notice and strip the rest.
    """

    name: str
    width: int | None
    height: int | None
    fit: Fit = "inside"
    gravity: Place = "center"
    background: Colour = WHITE
    format: Format = "keep"
    quality: int | None = None
    effort: int | None = None
    progressive: bool = False
    metadata: Metadata = "strip"
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused from the header, before any pixel is decoded.

    Args:
        max_bytes: of the file.
        max_frames: of an animation.
        max_pixels: of one frame, by format; "progressive" is for progressive JPEG, and "animation" for the pixels
            of all frames of an animation together.
    """

    max_bytes: int
    max_frames: int
    max_pixels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything recipe.toml says, and a ``fingerprint`` of all that alters what comes out: 12 hex digits.

    Limits are no part of it: they decide whether there is a variant, not what it looks like.
    """

    variants: tuple[VariantSpec, ...]
    limits: Limits
    fingerprint: str


def fingerprint_of(variants: tuple[VariantSpec, ...], engine: int = ENGINE) -> str:
    """A name for what these variants look like, whatever the order in which they are written down."""
    content = {"engine": engine, "variants": {spec.name: _plain(spec) for spec in variants}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _plain(spec: VariantSpec) -> dict[str, object]:
    mark = spec.watermark
    if mark is None or mark.logo is None:
        return asdict(spec)
    digest = hashlib.sha256(mark.logo).hexdigest()
    return asdict(replace(spec, watermark=replace(mark, logo=None))) | {"logo": digest}
