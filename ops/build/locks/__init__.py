"""The locks: every distribution that is installed or packaged, in one version, with the SHA-256 of its files.

``python -m ops.build.locks`` writes them from the direct lists (``SOURCES``). pip installs from them with
``--require-hashes``, and refuses a file with another hash. A lock of the package or of the worker's image holds one
wheel of each distribution, the one for its architecture; any other lock holds all files of each. Packaging reads this
on a bare Python.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = Path("ops/build/locks")
PACKAGE: Final = {"x86_64": "requirements.txt", "arm64": "requirements-base.txt"}
"""The direct list of the package, by architecture."""

SOURCES: Final[Mapping[str, str]] = {
    "development": "requirements-dev.txt",
    **{f"package-{architecture}": source for architecture, source in PACKAGE.items()},
    "worker-x86_64": "resources/worker/requirements.txt",
    "worker-arm64": "resources/worker/requirements-base.txt",
    "runtime": "ops/local/requirements-runtime.txt",
    "lambda-client": "tests/service/requirements-runtime.txt",
    "generated-client": "tests/api/requirements-client.txt",
    "bench": "bench/pipeline/requirements.txt",
    "checkov": "ops/build/requirements-checkov.txt",
    "advisories": "ops/build/requirements-advisories.txt",
    "docs": "ops/build/requirements-docs.txt",
    "lock": "ops/build/requirements-lock.txt",
}
"""The direct list of each lock. The locks are made in this order: the package's versions are those of development."""

REMEDY: Final = "npm run lock"
DIGEST: Final = "# SHA-256 of the direct requirements: "


@dataclass(frozen=True)
class Locked:
    """A distribution of a lock: the line that pip reads, the normalized name, the version, and SHA-256s in hex."""

    line: str
    name: str
    version: str
    hashes: tuple[str, ...]


def path_of(lock: str, root: Path = ROOT) -> Path:
    return root / FOLDER / f"{lock}.txt"


def pins(lock: str, root: Path = ROOT) -> list[Locked]:
    """What a lock pins: a name is there twice where Pythons or platforms need different versions."""
    text = path_of(lock, root).read_text(encoding="utf-8").replace("\\\n", " ")
    return [each for line in text.splitlines() if (each := _parsed(line))]


def locked(lock: str, root: Path = ROOT) -> dict[str, Locked]:
    """What a lock pins that has each name once, by normalized name."""
    found = pins(lock, root)
    by_name = {each.name: each for each in found}
    assert len(by_name) == len(found)
    return by_name


def lines(lock: str, root: Path = ROOT) -> list[str]:
    """A line for each distribution, its hashes included, as pip reads it in a file."""
    return [each.line for each in pins(lock, root)]


def for_this_python(requirements: Sequence[str]) -> list[str]:
    """The same versions as these lines, with the hashes of all their files where the workshop has them.

    The package's lines allow the wheels of Lambda's Python and architecture alone.
    """
    known = locked("development")
    wanted = [each for line in requirements if (each := _parsed(line))]
    return [
        here.line if (here := known.get(each.name)) and here.version == each.version else each.line for each in wanted
    ]


def outdated(names: Sequence[str] = tuple(SOURCES), root: Path = ROOT) -> list[str]:
    """The locks whose direct list was changed after they were made."""
    return [name for name in names if f"{DIGEST}{digest(name, root)}\n" not in path_of(name, root).read_text()]


def digest(lock: str, root: Path = ROOT) -> str:
    """Of the direct requirements of a lock, comments aside."""
    return hashlib.sha256("\n".join(sorted(_direct(root / SOURCES[lock]))).encode()).hexdigest()


def normalized(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def _direct(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement.startswith("-r "):
            yield from _direct(path.parent / requirement.removeprefix("-r "))
        elif requirement:
            yield requirement


def _parsed(line: str) -> Locked | None:
    """None for an empty line and for a comment."""
    requirement = " ".join(line.partition("#")[0].split())
    found = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", requirement)
    if found is None:
        return None
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})(?!\S)", requirement)
    return Locked(requirement, normalized(found[1]), found[2], tuple(hashes))
