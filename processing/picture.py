"""What the engine says of an image, and what it makes of it."""

from dataclasses import dataclass, field

Size = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's header says; width and height are as stored, before orientation.

    ``plane_bytes`` is what a pixel of a HEIC takes before it becomes RGB, by its depth and subsampling; else 0.
    """

    image_format: str
    mode: str
    width: int
    height: int
    frames: int
    progressive: bool
    plane_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """An original: its size as it is shown (after orientation), and the time it was taken (ISO 8601) if it says so."""

    image_format: str
    mode: str
    width: int
    height: int
    has_transparency: bool
    frames: int
    created_date: str | None


@dataclass(frozen=True, slots=True)
class RenderedVariant:
    """A variant as it will be stored; ``format`` is what it was encoded in, never "keep"."""

    name: str
    format: str
    content_type: str
    width: int
    height: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Every variant of a recipe, in its order, and what the original had that they could not keep.

    ``milliseconds`` is what rendering took without waiting for a renderer, where somebody has measured it.
    """

    source: Source
    variants: tuple[RenderedVariant, ...]
    lost: tuple[str, ...]
    milliseconds: int | None = field(default=None, compare=False)
