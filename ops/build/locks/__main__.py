"""Writes the locks from the direct lists: ``python -m ops.build.locks`` (``npm run lock``).

Versions that a lock has are kept where the direct lists allow it; ``--upgrade`` takes the newest. The package's locks
are resolved by pip with the arguments of packaging (serverless.yml), the others by uv, for every platform and for
Python 3.11 and later. uv reads the way to a mirror from ``UV_DEFAULT_INDEX``, not from pip's configuration. No address
of an index is written.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ops.build.bytecode import LAMBDA_VERSION
from ops.build.environments import environment
from ops.build.locks import DIGEST, PACKAGE, REMEDY, ROOT, SOURCES, digest, locked, path_of
from ops.local.user_environment import for_children

FOR_LAMBDA: Final = ("package-", "worker-")  # and then the architecture
OLDEST_PYTHON: Final = "3.11"
MACHINES: Final = {"x86_64": "x86_64", "arm64": "aarch64"}  # as wheels call them


def main(arguments: Sequence[str]) -> int:
    """Write each lock; return 1 if one cannot be resolved."""
    parser = argparse.ArgumentParser(prog="python -m ops.build.locks", description="Write the locks.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest version of what is not pinned directly")
    upgrade = parser.parse_args(arguments).upgrade
    for name in SOURCES:
        try:
            content = _one_wheel_each(name) if name.startswith(FOR_LAMBDA) else _by_uv(name, upgrade=upgrade)
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"{name} is not resolved:\n{error.stderr}")
            return 1
        _write(name, content)
    return 0


def _by_uv(name: str, *, upgrade: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "lock.txt"
        if path_of(name).exists() and not upgrade:
            lock.write_bytes(path_of(name).read_bytes())
        options = [
            "--universal",
            "--python-version",
            OLDEST_PYTHON,
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
        ]
        alike = ["--constraints", str(path_of("development"))] if name == "bench" else []
        command = [str(environment("lock")), "-m", "uv", "pip", "compile", "--quiet", *options, *alike]
        _run([*command, "--output-file", str(lock), SOURCES[name]])
        return lock.read_text()


def _one_wheel_each(name: str) -> str:
    """The wheel of each distribution that packaging installs; the worker's image has the same Python."""
    with tempfile.TemporaryDirectory() as folder:
        alike = Path(folder) / "versions.txt"
        alike.write_text("".join(f"{each.name}=={each.version}\n" for each in locked("development").values()))
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", "--target", folder]
        files = ["--constraint", str(alike), "--requirement", SOURCES[name]]
        report = json.loads(_run([*command, *_packaging(name.rpartition("-")[2]), *files]))
    return "".join(sorted((_line(each) for each in report["install"]), key=str.lower))


def _packaging(architecture: str) -> list[str]:
    """As in serverless.yml; with other arguments packaging would get files that the lock does not allow."""
    assert architecture in PACKAGE
    return [
        *("--platform", f"manylinux_2_28_{MACHINES[architecture]}"),
        *("--platform", f"manylinux2014_{MACHINES[architecture]}"),
        *("--implementation", "cp", "--python-version", LAMBDA_VERSION, "--only-binary=:all:"),
    ]


def _line(installed: dict[str, Any]) -> str:
    """In one line: the framework's plugin sorts the lines."""
    metadata, archive = installed["metadata"], installed["download_info"]["archive_info"]
    return f"{metadata['name']}=={metadata['version']} --hash=sha256:{archive['hashes']['sha256']}\n"


def _run(command: Sequence[str]) -> str:
    environ = for_children(online=True)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout


def _write(name: str, content: str) -> None:
    """Only the requirements of a lock: a new comment is no change."""
    pinned = "".join(line for line in content.splitlines(keepends=True) if not line.startswith("#"))
    head = f"# Made by `{REMEDY}` from {SOURCES[name]}: do not edit.\n{DIGEST}{digest(name)}\n"
    path_of(name).write_text(head + pinned)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
