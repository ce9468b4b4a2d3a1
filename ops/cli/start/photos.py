"""Which files of a folder are uploaded: all that could be an image, by their name or by their first bytes."""

from dataclasses import dataclass
from pathlib import Path

from ops.cli.folders import files_below, kind_of
from ops.errors import UsageError
from processing.events import MAX_KEY_BYTES
from processing.naming import IMAGE_EXTENSIONS
from processing.recipe import Recipe

ROOM_IN_KEY = 64  # bytes for the prefix, or for a variant's name and extension
SHOWN_BY_BROWSERS = {"jpeg", "png", "gif", "webp", "avif", "bmp"}


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that could be an image. ``name`` is its path below the folder, as in the key; ``size`` is in bytes."""

    path: Path
    name: str
    size: int
    shown_by_browsers: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What a folder holds; ``skipped`` files are no images, are ignored, or have a name that no key can have."""

    photos: tuple[Photo, ...]
    skipped: int


def select(folder: Path, *, recipe: Recipe, leave_out: Path) -> Selection:
    """Find the photos in a folder and below, in the order of their names.

    Hidden files and folders are left out, and links to folders are not followed.

    Args:
        recipe: what it ignores is skipped.
        leave_out: a folder to leave out: where the results go.

    Raises:
        UsageError: the folder is missing, cannot be read, is empty, or holds nothing that could be an image.
    """
    try:
        files = sorted(files_below(folder, leave_out=leave_out.resolve()))
        photos = tuple(photo for path in files if (photo := _photo(path, folder, recipe)) is not None)
    except FileNotFoundError as error:
        raise UsageError(f"{folder} does not exist: give a folder of photos, or none to use the samples") from error
    except NotADirectoryError as error:
        raise UsageError(f"{folder} is not a folder: give the folder that it is in") from error
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read ({error.strerror}): make it readable, or give another folder"
        ) from error
    if not files:
        raise UsageError(f"{folder} is empty: put photos into it, or give another folder")
    if not photos:
        raise UsageError(f"{folder} has {len(files)} files, and none of them is an image: give a folder of photos")
    return Selection(photos, skipped=len(files) - len(photos))


def _photo(path: Path, folder: Path, recipe: Recipe) -> Photo | None:
    kind, name = kind_of(path), path.relative_to(folder).as_posix()
    if recipe.ignores(name) or (kind is None and not name.lower().endswith(IMAGE_EXTENSIONS)):
        return None
    return Photo(path, name, path.stat().st_size, kind in SHOWN_BY_BROWSERS) if _fits_a_key(name) else None


def _fits_a_key(name: str) -> bool:
    """A key is UTF-8, which a file's name need not be, and has its limit."""
    try:
        return len(name.encode()) <= MAX_KEY_BYTES - ROOM_IN_KEY
    except UnicodeEncodeError:
        return False
