"""The original's coded picture alone: the parts of its file that the pixels are made of, and no others.

Each module has ``alone``, which copies the parts on a list, and ``hides_nothing``, which checks that the coded pixels
end where the picture ends. Both refuse a file rather than guess.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Final

from processing.imaging.coded import gif, jpeg, png, webp

MODULES: Final[Mapping[str, ModuleType]] = {"jpeg": jpeg, "png": png, "webp": webp, "gif": gif}
BROKEN: Final = (ValueError, LookupError, OSError, EOFError, struct.error, zlib.error)


def parts_alone(image_format: str, data: bytes) -> Sequence[bytes | memoryview] | None:
    """The parts of a file that shows what ``data`` shows, without metadata; None where they are not known well enough.

    Large parts are not copied: most originals are only measured.
    """
    try:
        return MODULES[image_format].alone(data) if image_format in MODULES else None
    except BROKEN:
        return None


def picture_alone(image_format: str, data: bytes) -> bytes | None:
    """The file that `parts_alone` has the parts of."""
    parts = parts_alone(image_format, data)
    return None if parts is None else b"".join(parts)


def hides_nothing(image_format: str, coded: bytes) -> bool:
    """Whether the pixels need every byte of a file that `picture_alone` made, except for a coder's last 4."""
    try:
        found: bool = MODULES[image_format].hides_nothing(coded)
    except BROKEN:
        return False
    return found
