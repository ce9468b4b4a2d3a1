"""docs/licenses.md lists every distribution that is packaged, with its version, and every library in their wheels."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ops.build.bom import LIBRARIES as DESCRIBED
from ops.build.locks import PACKAGE, locked, normalized
from tests.service.packaged_service import PROJECT, Package

PAGE = (PROJECT / "docs" / "licenses.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]
DISTRIBUTIONS = {row[0]: row[1] for row in ROWS if len(row) == 4}
LIBRARIES = [(name, row[1].lower()) for row in ROWS if len(row) == 5 for name in row[0].split(", ")]
NOT_PINNED = ("distribution", "DejaVu Sans Bold")  # the table's head, and the font in processing/imaging
KNOWN = tomllib.loads(DESCRIBED.read_text(encoding="utf-8"))
IN_FILES = [each for each in KNOWN["library"] if each.get("files") != []]


def plain(license: str) -> str:
    """For people, "LGPL-3.0 or later"; for programs, "LGPL-3.0-or-later"."""
    return re.sub(r"[\s-]", "", license).lower()


def libraries(package: Package) -> set[tuple[str, str]]:
    found = (re.fullmatch(r"([\w.]+)\.libs/(\w+)-[0-9a-f]{8}\.so.*", name) for name in package.files)
    return {(match[2], match[1]) for match in found if match}


def test_every_pinned_distribution_is_listed_with_its_version() -> None:
    listed = {normalized(name): version for name, version in DISTRIBUTIONS.items() if name not in NOT_PINNED}
    pins = [locked(f"package-{architecture}") for architecture in PACKAGE]

    assert listed == {each.name: each.version for lock in pins for each in lock.values()}


def test_every_library_in_the_zip_of_either_architecture_is_listed(default: Package, changed: Package) -> None:
    assert libraries(default) == libraries(changed) == set(LIBRARIES) - {("library", "in")}


@pytest.mark.parametrize("known", IN_FILES, ids=[each["name"] for each in IN_FILES])
def test_the_bill_of_materials_says_the_same_of_a_library(known: dict[str, Any]) -> None:
    (row,) = [row for row in ROWS if row[0] == ", ".join(known.get("files", [known["name"]]))]

    _, wheel, version, license, sources = row
    assert (normalized(wheel), sources) == (known["wheel"].partition("==")[0], known["sources"])
    assert known["version"] in re.split(r"[ ,]+", version)
    assert plain(license).startswith(plain(known["license"]))


def test_the_bill_of_materials_says_the_same_of_what_is_compiled_in() -> None:
    within = [each for each in KNOWN["library"] if each not in IN_FILES]

    assert within
    assert [each["name"] for each in within if f"{each['name']} {each.get('version', '')}".strip() not in PAGE] == []


def test_the_bill_of_materials_says_the_same_of_the_font() -> None:
    (font,) = KNOWN["file"]
    (row,) = [row for row in ROWS if row[0] == font["name"]]

    assert (row[1], row[3]) == (font["version"], font["sources"])


def test_each_distribution_brings_its_license_into_the_zip(default: Package) -> None:
    folders = {Path(name).parts[0] for name in default.files if "/licenses/" in name}

    assert len(folders) == len(DISTRIBUTIONS) - len(NOT_PINNED)
    assert "processing/imaging/fonts/LICENSE" in default.files
