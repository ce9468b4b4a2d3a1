"""A folder of results: one run at a time writes to it, and over nothing but what Darkroom has written there itself.

Its ``.darkroom/written.jsonl`` has two lines for each file: ``[name, null]`` before it is written and ``[name, [size,
mtime in ns]]`` after it, of which the last one counts. So a file that a killed run left half-written is ours, and one
that somebody has changed or put there is not. Links are never ours: Darkroom makes none.
"""

import json
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from ops.cli.terminal import stderr
from ops.errors import UsageError
from ops.local.claims import InUseError, claimed

WORK: Final = ".darkroom"  # below the results, and Darkroom's alone: the list, and the logs of the last run
WRITTEN: Final = "written.jsonl"
LOGS: Final = "logs"
Facts = list[int]
"""Size in bytes and time of the last change in nanoseconds."""


class UnfitFolderError(Exception):
    """A folder cannot have the results; the message says why."""


class Results:
    """A folder that is claimed; threads may share it.

    Args:
        folder: empty, or one in which Darkroom has written before.

    Raises:
        UnfitFolderError: it has files of others.
        OSError: it cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / WORK
        self._list = self.work / WRITTEN
        self._writing = threading.Lock()
        if not is_results(folder):
            _check_empty(folder)
        self.work.mkdir(exist_ok=True)
        self._written = {name: facts for name, facts in self._read() if os.path.lexists(folder / name)}
        new = self._list.with_suffix(".new")
        new.write_text("".join(map(_line, self._written, self._written.values())), encoding="utf-8")
        new.replace(self._list)

    def check(self, names: Iterable[str]) -> None:
        """See that files of these names can be written.

        Raises:
            UnfitFolderError: something of others is in the way of one.
        """
        obstacles = list(dict.fromkeys(filter(None, map(self._obstacle, names))))
        if obstacles:
            more = f" (and {len(obstacles) - 1:,} more)" if obstacles[1:] else ""
            raise UnfitFolderError(f"{obstacles[0]}{more} was not written by Darkroom, or was changed since")

    def write(self, name: str, data: bytes) -> Path:
        """Write a file, in place of what Darkroom has written under this name before.

        Raises:
            UsageError: something of others is in the way, or it cannot be written.
            ValueError: the name leads out of the folder.
        """
        path = self.folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} leads out of {self.folder}")
        try:
            self.check([name])
            self._note(name, None)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # writing into it would change every hard link to it
            with path.open("xb") as file:
                file.write(data)
            self._note(name, _facts(path.lstat()))
        except UnfitFolderError as error:
            raise UsageError(f"{error}: give another folder with --out") from error
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}): give another folder with --out") from error
        return path

    def _obstacle(self, name: str) -> Path | None:
        """What is not ours where a file is to go, or is no folder above it."""
        path, *below = [self.folder / part for part in reversed([PurePosixPath(name), *PurePosixPath(name).parents])]
        for path in below[:-1]:
            if not os.path.lexists(path):
                return None
            if path.is_symlink() or not path.is_dir():
                return path
        path = below[-1]
        return path if os.path.lexists(path) and not self._is_ours(name, path.lstat()) else None

    def _is_ours(self, name: str, status: os.stat_result) -> bool:
        if name not in self._written or not stat.S_ISREG(status.st_mode):
            return False
        facts = self._written[name]
        return facts is None or facts == _facts(status)

    def _note(self, name: str, facts: Facts | None) -> None:
        with self._writing, self._list.open("a", encoding="utf-8") as file:
            self._written[name] = facts
            file.write(_line(name, facts))

    def _read(self) -> Iterator[tuple[str, Facts | None]]:
        if self._list.exists():
            for line in self._list.read_text(encoding="utf-8").splitlines():
                try:
                    name, facts = json.loads(line)
                except ValueError:
                    continue  # the last one of a run whose disk was full
                yield name, facts


@contextmanager
def opened(folders: Sequence[Path], names: Sequence[str] = ()) -> Iterator[Results]:
    """The first of these folders that can have the results, for this run alone; it is made where it is missing.

    Args:
        names: the files that will be written.

    Raises:
        UsageError: none can; the message is about the first.
    """
    refusals = list[str]()
    for folder in folders:
        with ExitStack() as claim:
            try:
                results = _claim(folder, names, claim)
            except UnfitFolderError as error:
                refusals.append(str(error))
                continue
            if refusals:
                stderr().print(f"{refusals[0]}; the results go to {folder}")
            yield results
            return
    raise UsageError(f"{refusals[0]}: give another folder with --out")


def is_results(folder: Path) -> bool:
    """Whether Darkroom has written results to a folder."""
    return all(path.exists() and not path.is_symlink() for path in (folder / WORK, folder / WORK / WRITTEN))


def _claim(folder: Path, names: Sequence[str], claim: ExitStack) -> Results:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim.enter_context(claimed(folder))
        results = Results(folder)
        results.check(names)
        if (results.work / LOGS).exists():
            shutil.rmtree(results.work / LOGS)
    except InUseError as error:
        raise UnfitFolderError(f"another run is writing to {folder}") from error
    except OSError as error:
        raise UnfitFolderError(f"{folder} cannot be written to ({error.strerror})") from error
    return results


def _check_empty(folder: Path) -> None:
    """Hidden files, which the desktop puts into any folder, do not count.

    Raises:
        UnfitFolderError: it is not empty.
    """
    work = folder / WORK
    is_foreign = os.path.lexists(work) and (work.is_symlink() or not work.is_dir() or any(work.iterdir()))
    theirs = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if theirs or is_foreign:
        raise UnfitFolderError(
            f"{folder} has files that Darkroom has not written, such as {theirs[0] if theirs else WORK}"
        )


def _facts(status: os.stat_result) -> Facts:
    return [status.st_size, status.st_mtime_ns]


def _line(name: str, facts: Facts | None) -> str:
    return json.dumps([name, facts]) + "\n"
