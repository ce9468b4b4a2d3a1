"""The content type of a file, decided here alone: by what its client declares, or by the extension of its name.

Browsers, curl and SDKs declare old names (``image/jpg``), types that say nothing (``application/octet-stream``), or
nothing. No content is read here: the consumer identifies an image by its content, whatever it is called.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from api.http import BYTES
from processing.naming import EXTENSIONS

HEIC: Final = ("image/heic", "image/heif")
IMAGE_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
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
"""The extensions of each content type."""

OTHER_NAMES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
}
"""Types that clients declare for one with another name."""

UNSPECIFIC: Final = ("", BYTES, "binary/octet-stream", "application/x-binary", "application/unknown")
CURL: Final = "application/x-www-form-urlencoded"  # what curl declares for --data-binary, unless it is told a type


def accepted_types(*, heic: bool) -> tuple[str, ...]:
    """The content types that a stage accepts, with or without a decoder for HEIC."""
    return tuple(name for name in IMAGE_TYPES if heic or name not in HEIC)


def extensions(content_types: Iterable[str]) -> tuple[str, ...]:
    """The file extensions of all these types."""
    return tuple(extension for name in content_types for extension in IMAGE_TYPES[name])


def declarable(accepted: Sequence[str]) -> list[str]:
    """Every type that a client can declare for a file, whatever its name."""
    return [*accepted, *(name for name, meant in OTHER_NAMES.items() if meant in accepted), *UNSPECIFIC]


def type_of(declared: str, name: str, accepted: Sequence[str]) -> str | None:
    """The content type under which a file is stored; None for a file that is not accepted.

    Bytes of which neither type nor name says anything are left to the consumer, as `BYTES`.

    Args:
        declared: the client's content type, without parameters.
        accepted: of the stage.
    """
    declared = declared.strip().lower()
    if (meant := OTHER_NAMES.get(declared, declared)) in accepted:
        return meant
    is_unspecific = declared in UNSPECIFIC
    if is_unspecific or declared == CURL or declared.startswith("image/"):
        by_name = (each for each in accepted if name.lower().endswith(IMAGE_TYPES[each]))
        return next(by_name, BYTES if is_unspecific else None)
    return None
