"""docs/licences.md lists every distribution that is packaged, with its version, and every library in their wheels."""

import re
from pathlib import Path

from tests.service.packaged_service import PROJECT, Package

PAGE = (PROJECT / "docs" / "licences.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]
DISTRIBUTIONS = {row[0]: row[1] for row in ROWS if len(row) == 4}
LIBRARIES = [(name, row[1].lower()) for row in ROWS if len(row) == 5 for name in row[0].split(", ")]
NOT_PINNED = ("distribution", "DejaVu Sans Bold")  # the table's head, and the font in processing/imaging
BY_THE_RUNTIME = "boto3"


def pins() -> dict[str, str]:
    text = "".join((PROJECT / name).read_text() for name in ("requirements.txt", "requirements-base.txt"))
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def libraries(package: Package) -> set[tuple[str, str]]:
    found = (re.fullmatch(r"([\w.]+)\.libs/(\w+)-[0-9a-f]{8}\.so.*", name) for name in package.files)
    return {(match[2], match[1]) for match in found if match}


def test_every_pinned_distribution_is_listed_with_its_version() -> None:
    listed = {name: version for name, version in DISTRIBUTIONS.items() if name not in NOT_PINNED}

    assert listed == {name: version for name, version in pins().items() if name != BY_THE_RUNTIME}


def test_every_library_in_the_zip_of_either_architecture_is_listed(default: Package, changed: Package) -> None:
    assert libraries(default) == libraries(changed) == set(LIBRARIES) - {("library", "in")}


def test_each_distribution_brings_its_licence_into_the_zip(default: Package) -> None:
    folders = {Path(name).parts[0] for name in default.files if "/licenses/" in name}

    assert len(folders) == len(DISTRIBUTIONS) - len(NOT_PINNED)
    assert "processing/imaging/fonts/LICENSE" in default.files
