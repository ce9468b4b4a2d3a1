"""Byte code for the package, so that no cold start has to compile: Lambda's code folder cannot be written to.

``python -m ops.build.bytecode ZIP VERSION`` compiles what is in the zip with a Python of that version
(``LAMBDA_PYTHON``, or ``pythonX.Y`` on the PATH) and puts it in. Where there is none the zip stays as it is, which
costs each cold start about 0.25 seconds: a line says so. The same sources make the same bytes: byte code carries the
hash of its source in place of a date, and is compiled with a fixed seed for hashes.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

FUNCTION = "/var/task"  # where Lambda unpacks it, for the lines of tracebacks
NO_DATE = (1980, 1, 1, 0, 0, 0)


def main(arguments: Sequence[str]) -> None:
    """Add byte code to a package, or say why not."""
    package, version = Path(arguments[0]), arguments[1]
    python = find_python(version)
    if python is None:
        sys.stderr.write(
            f"No Python {version} is on the PATH or in LAMBDA_PYTHON: the package has no byte code, and a cold start "
            "takes about 0.25 s longer.\n"
        )
        return
    add_byte_code(package, python)


def find_python(version: str) -> str | None:
    """A Python of this version (such as 3.13) that runs; byte code of any other is of no use."""
    for python in (os.environ.get("LAMBDA_PYTHON"), sys.executable, f"python{version}"):
        if python and _version_of(python) == version:
            return python
    return None


def add_byte_code(package: Path, python: str) -> None:
    """Rewrite a zip so that it holds the byte code of each of its modules.

    Raises:
        subprocess.CalledProcessError: a module in it cannot be compiled.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder)
        with zipfile.ZipFile(package) as archive:
            modules = [name for name in archive.namelist() if name.endswith(".py")]
            archive.extractall(unpacked, modules)
        _compile(unpacked, python)
        compiled = sorted(unpacked.rglob("*.pyc"))
        rewritten = package.with_suffix(".new")
        with zipfile.ZipFile(package) as before, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as after:
            for entry in before.infolist():
                after.writestr(entry, before.read(entry))
            for path in compiled:
                entry = zipfile.ZipInfo(path.relative_to(unpacked).as_posix(), NO_DATE)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                after.writestr(entry, path.read_bytes())
        rewritten.replace(package)


def _compile(folder: Path, python: str) -> None:
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run(
        [*command, "-s", str(folder), "-p", FUNCTION, str(folder)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        check=True,
    )


def _version_of(python: str) -> str | None:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
