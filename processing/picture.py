"""The interface of the imaging engine: an image's header, and the variants rendered from it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from processing.recipe import Recipe

Size = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header; width and height are as stored, before orientation.

    ``plane_bytes`` is the size of a pixel of a HEIC before it becomes RGB, by depth and subsampling; 0 for others.
    ``gain_map`` is the header of its HDR gain map, where that can be kept.
    """

    image_format: str
    mode: str
    width: int
    height: int
    frames: int
    progressive: bool
    plane_bytes: float = 0.0
    gain_map: "Header | None" = None


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
