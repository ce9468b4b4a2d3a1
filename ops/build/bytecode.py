"""Byte code for the package, so that no cold start has to compile: Lambda's code folder cannot be written to.

``python -m ops.build.bytecode ZIP VERSION`` compiles what is in the zip with a Python of that version
(`find_python`: ``LAMBDA_PYTHON``, the PATH, pyenv) and puts it in. Where there is none the zip has none, which costs
each cold start about 0.25 seconds: one line says so, and what to do. No package index has interpreters, so none is
installed. The same sources make the same bytes: byte code carries the hash of its source in place of a date, and is
compiled with a fixed seed for hashes.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ops.build.entries import rewrite

LAMBDA_VERSION = "3.13"  # the runtime in serverless.yml
FUNCTION = "/var/task"  # where Lambda unpacks it, for the lines of tracebacks


def main(arguments: Sequence[str]) -> None:
    """Add byte code to a package, or say why not; either way the zip is as small as it can be."""
    package, version = Path(arguments[0]), arguments[1]
    python = find_python(version)
    if python is None:
        sys.stderr.write(
            f"The package has no byte code, so each cold start takes about 0.25 s longer: no Python {version} was "
            f"found in LAMBDA_PYTHON, on the PATH or with pyenv. Install Python {version}, or name one in "
            "LAMBDA_PYTHON, and package again.\n"
        )
    rewrite(package, byte_code(package, python) if python else {})


def find_python(version: str) -> str | None:
    """The path of a Python of this version (such as 3.13); byte code and libraries of any other are of no use.

    It is looked for in LAMBDA_PYTHON, in this very interpreter, on the PATH and among pyenv's versions, in this order.
    """
    for python in (os.environ.get("LAMBDA_PYTHON"), sys.executable, f"python{version}", *_of_pyenv(version)):
        if python and (path := _path_if(python, version)):
            return path
    return None


def _of_pyenv(version: str) -> list[str]:
    """Its versions of Python are not on the PATH: only that of the folder or the shell is."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [str(python) for python in sorted(versions.glob(f"{version}*/bin/python{version}"), reverse=True)]


def byte_code(package: Path, python: str) -> dict[str, bytes]:
    """The byte code of each module of a zip, by where in the zip Python looks for it.

    Raises:
        subprocess.CalledProcessError: a module in it cannot be compiled.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(unpacked, [name for name in archive.namelist() if name.endswith(".py")])
        _compile(unpacked, python)
        return {path.relative_to(unpacked).as_posix(): path.read_bytes() for path in sorted(unpacked.rglob("*.pyc"))}


def _compile(folder: Path, python: str) -> None:
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run(
        [*command, "-s", str(folder), "-p", FUNCTION, str(folder)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        check=True,
    )


def _path_if(python: str, version: str) -> str | None:
    """The interpreter's own path, which a shim's is not, if it is of this version."""
    if python == sys.executable:
        return python if version == f"{sys.version_info.major}.{sys.version_info.minor}" else None
    at = shutil.which(python)
    found, _, path = (_version_and_path(at) if at else "").partition(" ")
    return path if found == version else None


@functools.cache
def _version_and_path(python: str) -> str:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    main(sys.argv[1:])
