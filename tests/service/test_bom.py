"""The zip has a bill of materials that is valid, complete, and the same each time."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pi_heif  # type: ignore[import-untyped]
import PIL.features
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ops.build.bom import NAME, main
from ops.build.locks import PACKAGE, locked, normalized, path_of
from tests.service.packaged_service import Package

Component = dict[str, Any]


@pytest.fixture(scope="module")
def packages(default: Package, changed: Package) -> dict[str, Package]:
    """By architecture."""
    return dict(zip(PACKAGE, (default, changed), strict=True))


def bill_of(package: Package) -> Component:
    bill: Component = json.loads(package.read(NAME))
    return bill


def every(components: list[Component]) -> Iterator[Component]:
    for each in components:
        yield each
        yield from every(each.get("components", []))


def sha256(each: Component) -> str:
    (found,) = each["hashes"]
    assert found["alg"] == "SHA-256"
    return str(found["content"])


@pytest.mark.parametrize("architecture", PACKAGE)
def test_it_is_valid(packages: dict[str, Package], architecture: str) -> None:
    text = packages[architecture].read(NAME).decode()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.parametrize("architecture", PACKAGE)
def test_it_names_every_distribution_with_the_hash_of_its_wheel(
    packages: dict[str, Package], architecture: str
) -> None:
    components = [
        each for each in bill_of(packages[architecture])["components"] if each.get("purl", "").startswith("pkg:pypi/")
    ]

    pins = locked(f"package-{architecture}")
    assert {normalized(each["name"]): (each["version"], sha256(each)) for each in components} == {
        name: (each.version, each.hashes[0]) for name, each in pins.items()
    }


@pytest.mark.parametrize("architecture", PACKAGE)
def test_it_names_every_library_that_a_wheel_brings_with_its_hash(
    packages: dict[str, Package], architecture: str
) -> None:
    package = packages[architecture]
    brought = [name for name in package.files if ".libs/" in name]
    files = {each["name"]: sha256(each) for each in every(bill_of(package)["components"]) if each["type"] == "file"}

    assert brought
    assert {name: hashlib.sha256(package.read(name)).hexdigest() for name in brought}.items() <= files.items()


@pytest.mark.parametrize("architecture", PACKAGE)
def test_whatever_it_names_has_a_license(packages: dict[str, Package], architecture: str) -> None:
    bill = bill_of(packages[architecture])
    named = [bill["metadata"]["component"], *every(bill["components"])]

    assert [each["name"] for each in named if "licenses" not in each and ".libs/" not in each["name"]] == []


def test_the_libraries_of_heic_are_under_the_lgpl_and_the_resizers_crates_are_named(default: Package) -> None:
    licenses = {
        each["name"]: each["licenses"][0] for each in every(bill_of(default)["components"]) if "licenses" in each
    }

    assert licenses["libheif"] == licenses["libde265"] == {"expression": "LGPL-3.0-or-later"}
    assert "fast_image_resize" in licenses
    assert "autocfg" not in licenses  # serves the building alone


def test_versions_of_libraries_are_those_that_the_modules_report(default: Package) -> None:
    versions = {each["name"]: each["version"] for each in every(bill_of(default)["components"]) if "version" in each}
    reported = {
        "freetype": PIL.features.version_module("freetype2"),
        "harfbuzz": PIL.features.version_feature("harfbuzz"),
        "libavif": PIL.features.version_module("avif"),
        "libheif": pi_heif.libheif_info()["libheif"],
        "libjpeg-turbo": PIL.features.version_feature("libjpeg_turbo"),
        "libtiff": PIL.features.version_codec("libtiff"),
        "libwebp": PIL.features.version_module("webp"),
        "openjpeg": PIL.features.version_codec("jpg_2000"),
        "raqm": PIL.features.version_feature("raqm"),
        "zlib-ng": PIL.features.version_feature("zlib_ng"),
    }

    assert {name: versions[name] for name in reported} == reported
    assert pi_heif.libheif_info()["decoders"]["libde265"].endswith(f"version {versions['libde265']}")


def without_bill(package: Package, path: Path, *, version: str) -> Path:
    """The distributions of a package, of which Pillow has this version, without byte code and code."""
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(package.zip_path) as packaged:
        for name in packaged.namelist():
            if ".dist-info/" in name or ".libs/" in name:
                content = packaged.read(name)
                if name.endswith("pillow-13.0.0.dist-info/METADATA"):
                    content = content.replace(b"\nVersion: 13.0.0\n", f"\nVersion: {version}\n".encode())
                archive.writestr(zipfile.ZipInfo(name), content)
    return path


def test_the_same_package_gets_the_same_bytes(default: Package, tmp_path: Path) -> None:
    one, two = (without_bill(default, tmp_path / name, version="13.0.0") for name in ("one.zip", "two.zip"))
    for package in (one, two):
        main([str(package), str(path_of("package-x86_64"))])

    assert one.read_bytes() == two.read_bytes()


def test_libraries_of_another_version_are_named_without_a_license_and_a_line_says_so(
    default: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = without_bill(default, tmp_path / "one.zip", version="13.0.1")

    main([str(package), str(path_of("package-x86_64"))])

    (said,) = capsys.readouterr().err.splitlines()
    assert "no license of" in said
    assert "libwebp" in said
    assert "libheif" not in said
