"""The content types that are taken, and the names their files have.

A declared type is believed here; the consumer looks at the content, and at nothing else.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from processing.naming import EXTENSIONS

HEIC: Final = ("image/heic", "image/heif")
TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": EXTENSIONS["jpeg"],
    "image/png": EXTENSIONS["png"],
    "image/gif": EXTENSIONS["gif"],
    "image/webp": EXTENSIONS["webp"],
    "image/tiff": (".tif", ".tiff"),
    "image/bmp": (".bmp",),
    "image/avif": EXTENSIONS["avif"],
    "image/heic": (".heic",),
    "image/heif": (".heif",),
}


def types(*, heic: bool) -> tuple[str, ...]:
    """What a service takes that has a reader for HEIC, or none."""
    return tuple(name for name in TYPES if heic or name not in HEIC)


def extensions(content_types: Iterable[str]) -> tuple[str, ...]:
    """All their files' extensions."""
    return tuple(extension for name in content_types for extension in TYPES[name])
