"""What a function imports besides its own code, in a folder of its own: nothing of the workshop's is in there.

A folder is named for the content of the requirements and for the Python that they were installed for, so it is made
once; those that nobody has used for a while are removed.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ops.errors import StackError
from ops.local.user_environment import for_children

KEPT: Final = 4  # folders, and besides whatever was used ...
KEPT_SECONDS: Final = 24 * 60 * 60  # ... within this time: another stack may run from it
ANOTHER_HASH: Final = re.compile(r"\s*Expected +or ")  # pip names all that it would have taken; one is enough
WITHOUT_WHEEL: Final = {"aarch64": ("cykooz-resizer",)}  # by machine; see requirements-dev.txt


def installed(requirements: Sequence[str], *, python: str, version: str, cache: Path) -> Path:
    """The folder with these lines of locks, installed for this Python of this version.

    Raises:
        StackError: pip could not install them.
    """
    machine = platform.machine()
    wanted = [line for line in requirements if not line.startswith(WITHOUT_WHEEL.get(machine, ("#",)))]
    key = hashlib.sha256("\0".join([version, sys.platform, machine, *wanted]).encode()).hexdigest()[:16]
    with made_once(cache / "packages" / key) as folder:
        if folder is not None:
            pip_install(wanted, "--only-binary=:all:", "--target", str(folder), python=python)
    return cache / "packages" / key


@contextmanager
def made_once(wanted: Path) -> Iterator[Path | None]:
    """A folder to fill, which becomes ``wanted`` at the end of the block; None when that is there already.

    Two processes may do so at once: the one that is later throws its own away.
    """
    if wanted.is_dir():
        os.utime(wanted)
        yield None
        return
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="making-", ignore_cleanup_errors=True) as making:
        folder = Path(making) / wanted.name
        folder.mkdir()
        yield folder
        with contextlib.suppress(OSError):
            folder.rename(wanted)
    _prune(wanted.parent)


def _prune(parent: Path) -> None:
    used = {folder: _last_used(folder) for folder in parent.iterdir()}
    for folder in sorted(used, key=used.__getitem__)[:-KEPT]:
        if time.time() - used[folder] > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another process has just finished, or removed it
        return time.time()


def pip_install(requirements: Sequence[str], *options: str, python: str) -> None:
    """Install lines of locks for a Python with the workshop's pip: that Python needs none.

    Raises:
        StackError: pip could not install them, or found a file with another hash.
    """
    with tempfile.NamedTemporaryFile("w", prefix="darkroom-", suffix=".txt") as file:
        file.write("\n".join([*requirements, ""]))
        file.flush()
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-input", *options]
        run = subprocess.run(
            [*command, "--require-hashes", "--requirement", file.name],
            env=for_children(online=True),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    if run.returncode != 0:
        said = [line for line in (run.stdout + run.stderr).strip().splitlines() if not ANOTHER_HASH.match(line)]
        last = "\n".join(said[-6:])
        raise StackError(f"packages could not be installed: is the package index reachable?\n{last}")
