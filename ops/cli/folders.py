"""What is in a folder of photos: its files, and which of them could be images."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processing.naming import IMAGE_EXTENSIONS

# The first bytes of each format, as (offset, bytes). https://www.garykessler.net/library/file_sigs.html
MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    "jpeg": ((0, b"\xff\xd8\xff"),),
    "png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "gif": ((0, b"GIF8"),),
    "webp": ((0, b"RIFF"), (8, b"WEBP")),
    "avif": ((4, b"ftypavif"),),
    "tiff": ((0, b"II*\0"),),
    "tiff (big-endian)": ((0, b"MM\0*"),),
    "heic": ((4, b"ftyphei"),),
    "heif": ((4, b"ftypmif1"),),
    "bmp": ((0, b"BM"), (6, b"\0\0\0\0")),
}
LONGEST_MAGIC = 12
SPECIAL: Final = "is no file (a pipe, a socket or a device)"


@dataclass(frozen=True, slots=True)
class OddFile:
    """A file, or a folder, that is passed over although somebody may want it, and why."""

    path: Path
    why: str


def files_below(
    folder: Path,
    *,
    leave_out: Callable[[Path], bool] = lambda _folder: False,
    on_odd: Callable[[OddFile], object] = lambda _odd: None,
) -> Iterator[Path]:
    """Every file in a folder and below that is not hidden; links to folders are not followed.

    Args:
        leave_out: whether a folder below it is not looked into.
        on_odd: called with what is no file that can be read: folders, links, pipes, sockets, devices.

    Raises:
        OSError: the folder itself cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                yield from _at(folder / entry.name, entry, leave_out, on_odd)
            except OSError as error:
                on_odd(OddFile(folder / entry.name, unreadable(error)))


def unreadable(error: OSError) -> str:
    """Why a file cannot be read."""
    return f"cannot be read ({error.strerror or error})"


def odd(path: Path) -> OddFile | None:
    """What keeps an existing path from being a file to read, without opening it: a pipe would be waited for."""
    if path.exists() and not path.is_file():
        return OddFile(path, SPECIAL)
    return None


def _at(
    path: Path,
    entry: "os.DirEntry[str]",
    leave_out: Callable[[Path], bool],
    on_odd: Callable[[OddFile], object],
) -> Iterator[Path]:
    """The files at one entry of a folder."""
    if entry.is_dir(follow_symlinks=False):
        if not leave_out(path):
            yield from files_below(path, leave_out=leave_out, on_odd=on_odd)
    elif entry.is_file():
        yield path
    elif not entry.is_dir():
        on_odd(OddFile(path, SPECIAL if path.exists() else "is a link to nothing"))


def could_be_image(path: Path) -> bool:
    """Whether a file is an image by its name or by its first bytes."""
    return path.name.lower().endswith(IMAGE_EXTENSIONS) or kind_of(path) is not None


def kind_of(path: Path) -> str | None:
    """What a file is by its first bytes: a name in ``MAGIC``, or None."""
    with path.open("rb") as file:
        start = file.read(LONGEST_MAGIC)
    for kind, marks in MAGIC.items():
        if all(start[offset : offset + len(mark)] == mark for offset, mark in marks):
            return kind
    return None
