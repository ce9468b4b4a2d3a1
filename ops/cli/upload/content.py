"""What a file is, by its content: its type, its digest, and whether the consumer would refuse it."""

import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.cli.recipes import VariantPlan
from processing.errors import ImageTooLarge, UnsupportedFormat, UnusableKey
from processing.events import MAX_KEY_BYTES
from processing.imaging import formats, inspect
from processing.naming import plan_of

FIRST_BYTES: Final = 4096  # more than any format's name takes


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What goes with an object into the bucket; ``sha256`` is of its content, in hex digits."""

    content_type: str
    sha256: str


Inspect = Callable[[Path, str], FileFacts]
"""Inspects a file that is to have this key.

Raises:
    Rejected: the consumer would refuse it.
    OSError: it cannot be read.
"""


def checked_by(plan: VariantPlan) -> Inspect:
    """Refuse what the recipe ignores, what its limits refuse (size, content, pixels), and unusable keys."""
    recipe = plan.recipe

    def inspect_file(path: Path, key: str) -> FileFacts:
        _check_text(key)
        plan_of(recipe, key, prefix=plan.prefix)
        if plan.ignores(key):
            raise UnusableKey("the recipe ignores files of this name (ignore): rename it, or change the recipe")
        size, most = path.stat().st_size, recipe.limits.max_bytes
        if size > most:  # before it is read
            raise ImageTooLarge.above(f"{size:,} bytes", f"{most:,} bytes", "limits.bytes")
        data = path.read_bytes()
        header = inspect(data, recipe.limits)
        return FileFacts(f"image/{header.image_format}", hashlib.sha256(data).hexdigest())

    return inspect_file


def unchecked(path: Path, key: str) -> FileFacts:
    """Take any file as it is."""
    _check_text(key)
    with path.open("rb") as file:
        start = file.read(FIRST_BYTES)
        file.seek(0)
        return FileFacts(_type(start, path), hashlib.file_digest(file, "sha256").hexdigest())


def _type(start: bytes, path: Path) -> str:
    try:
        return f"image/{formats.recognize(start)}"
    except UnsupportedFormat:
        return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _check_text(key: str) -> None:
    """A key is UTF-8, and not too long; a file's name need be neither."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise UnusableKey(f"its name is no UTF-8 ({error.reason}): rename it") from error
    if size > MAX_KEY_BYTES:
        raise UnusableKey(f"the key would have {size} bytes; S3 takes {MAX_KEY_BYTES}: rename it")
