"""What an execution environment runs: the deployed package on disk, the Python for it, and what it may import.

Lambda's Python runs the package as it is, with what Lambda's runtime brings beside it. Where that Python is not at
hand, or the package has libraries for another machine, the package's own requirements are installed for a Python that
is here; its code is the same.
"""

import base64
import csv
import hashlib
import io
import json
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.build.bytecode import find_python
from ops.build.locks import for_this_python, lines
from ops.errors import StackError
from ops.local.deployed import Function
from ops.local.packages import installed, made_once

CODE: Final = "code"
REQUIREMENTS: Final = "requirements.json"  # what is not in the code's folder
READ_ONLY: Final = 0o444


@dataclass(frozen=True)
class Program:
    """A function's configuration, and what runs it.

    Args:
        code: the folder with the package's content.
        packages: folders from which it may import besides; nothing else but the standard library is there.
    """

    function: Function
    python: str
    code: Path
    packages: tuple[Path, ...]


def prepare(function: Function, download: Callable[[], bytes], *, cache: Path) -> Program:
    """Unpack a deployed function, and install what it imports, unless that was done before.

    Args:
        download: gets the deployed zip; called when it is not unpacked yet.

    Raises:
        StackError: the zip is not the one that was deployed, or pip failed.
    """
    python, version = _interpreter(function)
    digest = base64.b64decode(function.code_sha256).hex()
    unpacked = cache / "functions" / f"{digest[:16]}-{version}"
    with made_once(unpacked) as folder:
        if folder is not None:
            _unpack(_verified(download(), digest, function.name), folder, python, version)
    requirements = json.loads((unpacked / REQUIREMENTS).read_text(encoding="utf-8"))
    packages = installed([*requirements, *lines("runtime")], python=python, version=version, cache=cache)
    return Program(function, python, unpacked / CODE, (packages,))


def _interpreter(function: Function) -> tuple[str, str]:
    """A Python of the function's version where one is at hand, or else this one; and its version."""
    wanted = function.runtime.removeprefix("python")
    if found := find_python(wanted):
        return found, wanted
    return sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}"


def _verified(data: bytes, digest: str, name: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != digest:
        raise StackError(f"the package of {name} is not the one that was deployed: its CodeSha256 differs")
    return data


def _unpack(data: bytes, folder: Path, python: str, version: str) -> None:
    code, requirements = folder / CODE, list[str]()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if not _has_libraries_for(archive, version):
            names -= set(_of_wheels(archive))
            requirements = for_this_python(archive.read("requirements.txt").decode().splitlines())
        archive.extractall(code, sorted(names))
    if not any(name.endswith(".pyc") for name in names):
        _compile(code, python)
    for path in code.rglob("*"):
        if path.is_file():
            path.chmod(READ_ONLY)
    (folder / REQUIREMENTS).write_text(json.dumps(requirements), encoding="utf-8")


def _has_libraries_for(archive: zipfile.ZipFile, version: str) -> bool:
    """Whether each wheel in the package is for this version of Python and this machine, or for any."""
    tags = [
        [line.removeprefix("Tag: ") for line in archive.read(name).decode().splitlines() if line.startswith("Tag: ")]
        for name in archive.namelist()
        if name.endswith(".dist-info/WHEEL")
    ]
    return all(any(_fits(tag, version) for tag in of_one) for of_one in tags)


def _fits(tag: str, version: str) -> bool:
    """https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"""
    python, abi, machine = tag.split("-")
    if (abi, machine) == ("none", "any"):
        return python.startswith("py3")
    is_this_python = python == f"cp{version.replace('.', '')}" or abi == "abi3"
    is_this_machine = machine.startswith("manylinux") and machine.endswith(f"_{platform.machine()}")
    return is_this_python and is_this_machine and platform.libc_ver()[0] == "glibc"


def _of_wheels(archive: zipfile.ZipFile) -> Iterator[str]:
    """The files that wheels have brought into the package, and their byte code."""
    names = archive.namelist()
    records = [archive.read(name).decode() for name in names if name.endswith(".dist-info/RECORD")]
    theirs = {row[0].partition("/")[0] for record in records for row in csv.reader(io.StringIO(record)) if row}
    return (name for name in names if name.partition("/")[0] in theirs or name.endswith(".pyc"))


def _compile(code: Path, python: str) -> None:
    """Once, and not in each process: into the folder nothing is written any more."""
    command = [python, "-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(code)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
