"""Which files of a folder are uploaded: all that could be an image, by their name or by their first bytes."""

from dataclasses import dataclass
from pathlib import Path

from ops.cli.folders import OddFile, files_below, kind_of, unreadable
from ops.cli.results import is_results
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
    """What a folder holds; ``skipped`` files are not images or are ignored, and ``odd`` ones cannot be uploaded."""

    photos: tuple[Photo, ...]
    skipped: int
    odd: tuple[OddFile, ...] = ()


def select(folder: Path, *, recipe: Recipe, leave_out: Path) -> Selection:
    """Find the photos in a folder and below, in the order of their names.

    Hidden files and folders are left out, and those of earlier results; links to folders are not followed.

    Args:
        recipe: what it ignores is skipped.
        leave_out: a folder to leave out: where the results go.

    Raises:
        UsageError: the folder is missing, cannot be read, is empty, or holds nothing that could be an image.
    """
    odd, results = list[OddFile](), leave_out.resolve()
    try:
        found_below = files_below(
            folder, leave_out=lambda each: is_results(each) or each.resolve() == results, on_odd=odd.append
        )
        files = sorted(found_below)
    except FileNotFoundError as error:
        raise UsageError(f"{folder} does not exist: give a folder of photos, or none to use the samples") from error
    except NotADirectoryError as error:
        raise UsageError(f"{folder} is not a folder: give the folder that it is in") from error
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read ({error.strerror}): make it readable, or give another folder"
        ) from error
    found = [_photo(path, folder, recipe) for path in files]
    photos = tuple(each for each in found if isinstance(each, Photo))
    odd += [each for each in found if isinstance(each, OddFile)]
    if not files and not odd:
        raise UsageError(f"{folder} is empty: put photos into it, or give another folder")
    if not photos:
        named = "".join(f"; {each.path} {each.why}" for each in odd)
        words = f"{folder} has {len(files)} files, and none of them is an image that can be read"
        raise UsageError(f"{words}: give a folder of photos{named}")
    return Selection(photos, found.count(None), tuple(odd))


def _photo(path: Path, folder: Path, recipe: Recipe) -> Photo | OddFile | None:
    """The photo at a path; None for what is no image or ignored."""
    name = path.relative_to(folder).as_posix()
    if recipe.ignores(name):
        return None
    try:
        kind, size = kind_of(path), path.stat().st_size
    except OSError as error:
        return OddFile(path, unreadable(error))
    if kind is None and not name.lower().endswith(IMAGE_EXTENSIONS):
        return None
    why = _unfit_for_a_key(name)
    return OddFile(path, why) if why else Photo(path, name, size, kind in SHOWN_BY_BROWSERS)


def _unfit_for_a_key(name: str) -> str:
    """Why a file's name can be no key, which is UTF-8 and has its limit; empty when it can."""
    try:
        size, most = len(name.encode()), MAX_KEY_BYTES - ROOM_IN_KEY
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return f"has a name of {size} bytes, of {most} that fit" if size > most else ""
