"""The interface of the imaging engine: an image's header, and the variants rendered from it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from processing.recipe import Recipe, VariantSpec

Size = tuple[int, int]
Box = tuple[int, int, int, int]

WRITTEN: Final = ("jpeg", "png", "webp", "avif", "gif")  # the formats of variants, which browsers show
ANIMATED: Final = ("gif", "webp", "png", "avif")  # the formats with animations, read and written


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header; width and height are as stored, before orientation.

    Args:
        progressive: a JPEG that is not decoded row by row: progressive, in several scans, or lossless.
        is_unscaled: a JPEG that is decoded at its full size alone: lossless.
        is_keyed: whether one of its colors is transparent, without an alpha channel.
        decoder_bytes: what the decoder holds of each pixel beside its color: the planes of a HEIC, the coefficients of
            a progressive JPEG, the strip of a TIFF.
        copied_bytes: of the file, where its reader makes copies of it: 0 for a PNG that is read as it is.
        gain_map: the header of its HDR gain map, where that can be kept.
    """

    image_format: str
    mode: str
    width: int
    height: int
    frames: int
    progressive: bool = False
    is_unscaled: bool = False
    is_keyed: bool = False
    decoder_bytes: float = 0.0
    copied_bytes: int = 0
    gain_map: "Header | None" = None


def output_of(spec: VariantSpec, image_format: str, *, transparent: bool) -> str:
    """The format a variant is written in: "keep" is the original's own, where browsers can show it."""
    if spec.format != "keep":
        return spec.format
    if image_format in WRITTEN:
        return image_format
    return "png" if transparent else "jpeg"


@dataclass(frozen=True, slots=True)
class Source:
    """An original: its size as shown (after orientation), and the time it was taken (ISO 8601), if recorded."""

    image_format: str
    mode: str
    width: int
    height: int
    has_transparency: bool
    frames: int
    created_date: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a page shows until a variant has loaded.

    ``placeholder`` is a WebP of a few pixels in base64, ``color`` the mean color as ``#rrggbb``.
    """

    placeholder: str
    color: str


@dataclass(frozen=True, slots=True)
class RenderedVariant:
    """A variant as it is to be stored; ``format`` is the encoded format, never "keep"."""

    name: str
    format: str
    content_type: str
    width: int
    height: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The variants of a recipe, in its order, the properties of the original that they ``lost``, and a preview.

    ``milliseconds`` is the time of rendering without the wait for a renderer; None where it was not measured.
    """

    source: Source
    variants: tuple[RenderedVariant, ...]
    lost: tuple[str, ...]
    preview: Preview
    milliseconds: int | None = field(default=None, compare=False)


class Render(Protocol):
    """Makes the variants of the recipe, or those with the names in ``only``, with the same bytes."""

    def __call__(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered: ...
