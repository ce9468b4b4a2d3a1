"""A recipe in memory: the variants to make, each with its fingerprints and mark, and the limits of what is accepted."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

ENGINE: Final[Mapping[str, int]] = {"jpeg": 3, "png": 3, "webp": 3, "avif": 3, "gif": 3}
"""The engine's version by output format: raise one when the same settings make other files of that format than before.
Every variant in that format is then out of date, and no other."""

LONGEST_SIDE: Final = 16383  # pixels: what WebP can hold
DEFAULT_CACHE: Final = "public, max-age=60"

# Each fits a function of 1,769 MB: docs/decisions/029-price.md, and `python -m bench.memory`.
DEFAULT_BYTES: Final = 100_000_000
DEFAULT_FRAMES: Final = 1_000
DEFAULT_PIXELS: Final[Mapping[str, int]] = {
    "jpeg": 250_000_000,
    "progressive": 80_000_000,
    "png": 80_000_000,
    "gif": 50_000_000,
    "webp": 40_000_000,
    "tiff": 80_000_000,
    "bmp": 100_000_000,
    "avif": 40_000_000,
    "heic": 50_000_000,
    "animation": 55_000_000,  # 12 seconds of a vCPU, and memory for more variants: see processing/sandbox/capacity.py
}

# What desktops, then cameras and phones, put beside photos: https://en.wikipedia.org/wiki/Design_rule_for_Camera_File_system
DEFAULT_IGNORE: Final = (
    *(".*", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "@eaDir", "__MACOSX"),
    *("*.aae", "*.xmp", "*.thm", "*.lrv", "*.ctg", "*.json"),
    *("*.mov", "*.mp4", "*.m4v", "*.3gp", "*.avi", "*.mts", "*.m2ts", "*.wav"),
)

Fit = Literal["inside", "cover", "pad"]
Format = Literal["keep", "jpeg", "png", "webp", "avif"]
Metadata = Literal["strip", "copyright"]
Hdr = Literal["keep", "drop"]
Place = Literal[
    "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
]  # fmt: skip


class Color(NamedTuple):
    """Red, green, blue and alpha, each 0 to 255."""

    red: int
    green: int
    blue: int
    alpha: int = 255

    @property
    def opaque(self) -> bool:
        return self.alpha == 255


WHITE: Final = Color(255, 255, 255)


@dataclass(frozen=True, slots=True)
class Watermark:
    """A text or a logo laid over a variant; exactly one of ``text`` and ``logo`` is set.

    Args:
        logo: a PNG file's bytes.
        color, outline: of the text.
        position: one of nine places, or "tile".
        scale: the mark's width, as a part of the variant's width.
        opacity: 0 is invisible, 1 as the mark itself is.
        margin: to the variant's edges, or between tiles, as a part of the variant's shorter side.
    """

    text: str | None = None
    logo: bytes | None = field(default=None, repr=False)
    color: Color = WHITE
    outline: Color | None = None
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
        format: "keep" is the original's own, or, where browsers cannot show it, JPEG or (with transparency) PNG; JPEG
            alone where the object's key names a format that is never written (`processing.naming`).
        quality: 1 to 100, None for the format's default; for the lossy formats.
        effort: 0 (least CPU) to 9 (smallest file), None for the format's default; for PNG, WebP and AVIF.
        progressive: for JPEG: smaller, and 2 to 3 times the CPU to encode.
        metadata: "strip" all of it, or keep the "copyright" notice and strip the rest.
        hdr: "keep" an original's HDR gain map, from JPEG to JPEG, or "drop" it.
        cache: the object's Cache-Control.
    """

    name: str
    width: int | None
    height: int | None
    fit: Fit = "inside"
    gravity: Place = "center"
    background: Color = WHITE
    format: Format = "keep"
    quality: int | None = None
    effort: int | None = None
    progressive: bool = False
    metadata: Metadata = "strip"
    hdr: Hdr = "keep"
    cache: str = DEFAULT_CACHE
    watermark: Watermark | None = None

    def fingerprint(self, output: str) -> str:
        """A name for what this variant looks like when it is written in a format, such as "jpeg": 10 hex digits.

        It covers the settings that differ from their defaults, so that a new option which is off changes none.
        """
        return fingerprints_of(self)[output]

    def is_current(self, fingerprint: str) -> bool:
        """Whether a variant with this fingerprint, in whatever format, is what this engine makes of these settings."""
        return fingerprint in fingerprints_of(self).values()


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


def ignored_names(patterns: Iterable[str]) -> re.Pattern[str]:
    """What finds a name between slashes that matches a pattern; ``*`` is any characters, ``?`` is one.

    The segments "." and ".." are never found: a key with one is rejected.
    """
    names = "|".join(re.escape(each).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") for each in patterns)
    return re.compile(rf"(?:^|/)(?!\.\.?(?:/|\Z))(?:{names or '(?!)'})(?:/|\Z)", re.IGNORECASE)


IGNORED_BY_DEFAULT: Final = ignored_names(DEFAULT_IGNORE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything recipe.toml says.

    Limits and ``ignored`` are no part of any fingerprint: they decide whether there is a variant, not its looks.

    Args:
        ignored: finds the names of files and folders that are no uploads of images, in a key without its prefix.
    """

    variants: tuple[VariantSpec, ...]
    limits: Limits
    ignored: re.Pattern[str] = IGNORED_BY_DEFAULT

    def ignores(self, name: str, size: int | None = None) -> bool:
        """Whether an object is acknowledged without being processed: a folder made in the S3 console, or ``ignored``.

        Args:
            name: its key, without the prefix of uploads.
            size: in bytes, None when unknown.
        """
        return (name.endswith("/") and size == 0) or self.ignored.search(name) is not None

    def in_jpeg(self) -> "Recipe":
        """This recipe with "jpeg" in place of "keep"; equal to it where it keeps no format."""
        return replace(
            self, variants=tuple(_in_jpeg(spec) if spec.format == "keep" else spec for spec in self.variants)
        )


def _in_jpeg(spec: VariantSpec) -> VariantSpec:
    """The same variant in JPEG, without the settings that a recipe may not have for it."""
    background = spec.background if spec.background.opaque else WHITE
    return replace(spec, format="jpeg", effort=None, background=background)


@lru_cache(maxsize=256)
def fingerprints_of(
    spec: VariantSpec, engine: tuple[tuple[str, int], ...] = tuple(ENGINE.items())
) -> Mapping[str, str]:
    """The fingerprint of a variant for each format it may be written in, whatever its name.

    Args:
        engine: the engine's version of each output format.
    """
    settings = _changed(spec)
    return {output: _digest([output, version, settings]) for output, version in engine}


def _changed(settings: VariantSpec | Watermark) -> dict[str, Any]:
    """The settings that differ from their defaults; of a logo its pixels' digest, not its name."""
    changed: dict[str, Any] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.name == "name" or value == (None if each.default is MISSING else each.default):
            continue
        if isinstance(value, Watermark):
            value = _changed(value)
        changed[each.name] = hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
    return changed


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
