"""Makes a release: the version in each file that has it, the changelog's section with its date, a commit and a tag.

``npm run release -- 1.0.0`` does it, with ``--dry-run`` it only prints the section. Nothing is pushed, and nothing is
published: ``git push --follow-tags`` does the former.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from ops.errors import UsageError

ROOT: Final = Path(__file__).parents[2]
MANIFEST: Final = "package.json"
LOCK: Final = "package-lock.json"
CHANGELOG: Final = "CHANGELOG.md"
UNRELEASED: Final = "## Unreleased\n"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Return 2 where there is nothing to release, or it cannot be."""
    parser = argparse.ArgumentParser(prog="npm run release --", description="Release a version: files, commit, tag.")
    parser.add_argument("version", help="such as 1.2.0")
    parser.add_argument("--dry-run", action="store_true", help="only print the changelog's section")
    given = parser.parse_args(arguments)
    try:
        release(root, given.version, today=datetime.now(UTC).date(), dry_run=given.dry_run)
    except UsageError as error:
        sys.stderr.write(f"darkroom: {error}\n")
        return 2
    return 0


def release(root: Path, version: str, *, today: date, dry_run: bool = False) -> None:
    """Release what the main branch of a clone has.

    Raises:
        UsageError: the version or the state of the clone does not allow it; nothing was changed.
    """
    _check(root, version)
    changelog, section = dated(_text(root, CHANGELOG), version, today)
    if dry_run:
        sys.stdout.write(section)
        return
    for name in (MANIFEST, LOCK):
        (root / name).write_text(with_version(_text(root, name), version), encoding="utf-8")
    (root / CHANGELOG).write_text(changelog, encoding="utf-8")
    _git(root, "add", MANIFEST, LOCK, CHANGELOG)
    _git(root, "commit", "--quiet", "--allow-empty", "--message", f"Release {version}")
    # verbatim: the headings of the section begin with what git takes for a comment
    _git(
        root,
        "tag",
        "--annotate",
        f"v{version}",
        "--cleanup",
        "verbatim",
        "--message",
        f"Darkroom {version}\n\n{section}",
    )
    sys.stderr.write(f"released {version} in this clone; publish it with: git push --follow-tags\n")


def dated(changelog: str, version: str, today: date) -> tuple[str, str]:
    """The changelog with what was unreleased under this version, and that section without its heading.

    Raises:
        UsageError: nothing is unreleased.
    """
    before, found, rest = changelog.partition(UNRELEASED)
    section = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not found or not section:
        raise UsageError(
            f"{CHANGELOG} has nothing under Unreleased: add the changes that users notice, or do not release"
        )
    return f"{before}{UNRELEASED}\n## {version} - {today.isoformat()}\n{rest}", f"{section}\n"


def with_version(manifest: str, version: str) -> str:
    """A package.json or package-lock.json with another version of the project."""
    content = json.loads(manifest)
    content["version"] = version
    if "packages" in content:
        content["packages"][""]["version"] = version
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"


def _check(root: Path, version: str) -> None:
    current = str(json.loads(_text(root, MANIFEST))["version"])
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or _numbers(version) < _numbers(current):
        raise UsageError(f"{version} is no version such as 1.2.0, or before {current}, the one of {MANIFEST}")
    if _git(root, "status", "--porcelain"):
        raise UsageError("there are uncommitted changes: commit them first")
    if _git(root, "tag", "--list", f"v{version}"):
        raise UsageError(f"v{version} is already released: choose a later version")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _text(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def _git(root: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise UsageError(f"git {arguments[0]} failed: {run.stderr.strip()}")
    return run.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
