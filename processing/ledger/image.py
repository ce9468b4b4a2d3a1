"""What the images table keeps of a finished image: its metadata, its variants, and what is shown until they load."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """One variant of a finished image.

    Args:
        bytes: its size.
        fingerprint: of the settings that it was made by.
        stored_as: the fingerprint that the object in S3 carries, where that is an older one: the bytes came out equal.
    """

    name: str
    key: str
    format: str
    width: int
    height: int
    bytes: int
    fingerprint: str = ""
    stored_as: str = ""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """The metadata of a finished image.

    Args:
        timings: milliseconds by stage.
        placeholder: the image in a few pixels, a WebP in base64; empty in a record from before there was one.
        color: the mean color as ``#rrggbb``; empty where the placeholder is.
    """

    image_format: str
    mode: str
    width: int
    height: int
    size_bytes: int
    content_type: str
    has_transparency: bool
    created_date: str | None
    variants: tuple[VariantRecord, ...]
    lost: tuple[str, ...] = ()
    timings: Mapping[str, int] = field(default_factory=dict)
    placeholder: str = ""
    color: str = ""

    @property
    def placeholder_url(self) -> str:
        """The placeholder as a data: URL, which needs no request; empty where there is no placeholder."""
        return f"data:image/webp;base64,{self.placeholder}" if self.placeholder else ""
