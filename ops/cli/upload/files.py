"""Which files are meant, by folders, names and lists of names; and the key of each."""

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ops.cli.folders import OddFile, could_be_image, files_below, odd
from ops.cli.recipes import VariantPlan
from ops.errors import UsageError


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be uploaded. ``size`` is in bytes, and 0 for what cannot be read."""

    path: Path
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files, in the order of their keys; ``left_out`` counts those of folders that are not images, or ignored.

    ``odd`` are no files that can be read.
    """

    files: tuple[LocalFile, ...]
    left_out: int
    odd: tuple[OddFile, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Globs:
    """Patterns for names. One with a slash is for the whole path below the folder, one without for its last part."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def match(self, name: str) -> bool:
        """Whether a name is included, and not excluded."""
        included = not self.include or any(_matches(name, pattern) for pattern in self.include)
        return included and not any(_matches(name, pattern) for pattern in self.exclude)


Wanted = Callable[[Path, str], bool]
"""Whether a file in a folder is uploaded, by its path and the key it would have."""


def images_of(plan: VariantPlan) -> Wanted:
    """What could be an image, and is not ignored."""
    return lambda path, key: not plan.ignores(key) and _may_be_image(path)


def choose(places: Iterable[Path], listed: Iterable[str], *, prefix: str, globs: Globs, wanted: Wanted) -> Chosen:
    """The files in folders, of names, and of a list of names.

    A file in a folder keeps its path below that folder; any other keeps its path below the current folder, or, from
    elsewhere, its name.

    Args:
        listed: names, one a line.
        prefix: what every key begins with.
        wanted: of the files in folders.

    Raises:
        UsageError: a place is missing, a folder cannot be read, or two files would have one key.
    """
    named, left_out, odd_files = list(_named(listed)), 0, list[OddFile]()
    for place in places:
        if not place.is_dir():
            named.append((_existing(place), _name(place)))
            continue
        found = [(path, path.relative_to(place).as_posix()) for path in _inside(place, odd_files.append)]
        images = [(path, name) for path, name in found if globs.match(name) and wanted(path, prefix + name)]
        left_out += len(found) - len(images)
        named += images
    odd_files += [each for path, _ in named if (each := odd(path))]
    passed = {each.path for each in odd_files}
    named = [(path, name) for path, name in named if path not in passed]
    files = _by_key(LocalFile(path, prefix + name, _size(path)) for path, name in named if globs.match(name))
    return Chosen(tuple(files[key] for key in sorted(files)), left_out, tuple(odd_files))


def _named(lines: Iterable[str]) -> Iterator[tuple[Path, str]]:
    for line in lines:
        if text := line.rstrip("\r\n"):
            yield Path(text), _name(Path(text))


def _name(path: Path) -> str:
    below = posixpath.normpath(Path(os.path.relpath(path)).as_posix())
    return path.name if below.startswith("../") else below


def _existing(path: Path) -> Path:
    if not path.exists():
        raise UsageError(f"{path} does not exist: give a folder, files, or - for a list of files on standard input")
    return path


def _inside(folder: Path, on_odd: Callable[[OddFile], object]) -> list[Path]:
    try:
        return list(files_below(folder, on_odd=on_odd))
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read ({error.strerror}): make it readable, or give other folders"
        ) from error


def _may_be_image(path: Path) -> bool:
    try:
        return could_be_image(path)
    except OSError:
        return True  # met again, and reported, when it is to be uploaded


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # as above


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name if "/" in pattern else posixpath.basename(name), pattern)


def _by_key(files: Iterable[LocalFile]) -> dict[str, LocalFile]:
    """Each file once, though it was named twice."""
    found: dict[str, LocalFile] = {}
    for file in files:
        other = found.setdefault(file.key, file)
        if other.path.resolve() != file.path.resolve():
            raise UsageError(
                f"{other.path} and {file.path} would both be {file.key}: upload them one after the other, each with "
                "a --prefix of its own"
            )
    return found
