"""What a function imports besides its own code, in a folder of its own: nothing of the workshop's is in there.

A folder is named for the content of the requirements and for the Python that they were installed for, so it is made
once; those that nobody has used for a while are removed.
"""

import contextlib
import hashlib
import os
import platform
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

RUNTIME: Final = Path(__file__).with_name("requirements-runtime.txt")
KEPT: Final = 4  # folders, and besides whatever was used ...
KEPT_SECONDS: Final = 24 * 60 * 60  # ... within this time: another stack may run from it
WITHOUT_WHEEL: Final = {"aarch64": ("cykooz-resizer",)}  # by machine; see requirements-dev.txt


def installed(requirements: Sequence[str], *, python: str, version: str, cache: Path) -> Path:
    """The folder with these requirements, a line each, installed for this Python of this version.

    Raises:
        StackError: pip could not install them.
    """
    machine = platform.machine()
    wanted = [line for line in requirements if not line.startswith(WITHOUT_WHEEL.get(machine, ("#",)))]
    key = hashlib.sha256("\0".join([version, sys.platform, machine, *wanted]).encode()).hexdigest()[:16]
    with made_once(cache / "packages" / key) as folder:
        if folder is not None:
            _pip(wanted, python, folder)
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


def _pip(requirements: Sequence[str], python: str, target: Path) -> None:
    """Install with the workshop's pip: the function's Python needs none."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, *requirements]
    environ = os.environ | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}  # what a user may have set forbids --target
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if run.returncode != 0:
        last = "\n".join((run.stdout + run.stderr).strip().splitlines()[-6:])
        raise StackError(f"what the function imports could not be installed: is the package index reachable?\n{last}")
