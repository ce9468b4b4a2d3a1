"""The package's bill of materials: ``bom.cdx.json`` in the zip, CycloneDX 1.6, with licenses and hashes.

``python -m ops.build.bom ZIP LOCK`` reads what is in the zip: each distribution with the hash of its wheel (from the
lock), the libraries in it (``libraries.toml``, or else the wheel's own list), and the files that are somebody else's.
What has no known license is named on stderr. The same zip gets the same bytes: there is no date and no serial number.
https://cyclonedx.org/docs/1.6/json/
"""

import hashlib
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

from ops.build.entries import add
from ops.build.locks import ROOT, Locked, locked, normalized

NAME: Final = "bom.cdx.json"
LIBRARIES: Final = Path(__file__).with_name("libraries.toml")
METADATA: Final = re.compile(r"([^/]+)\.dist-info/METADATA")
SHARED: Final = re.compile(r"[\w.]+\.libs/(?P<library>\w+)-[0-9a-f]{8}\.so.*")

Component = dict[str, Any]


def main(arguments: Sequence[str]) -> None:
    """Add the bill to a package, and name what the bill cannot describe."""
    package, lock = Path(arguments[0]), Path(arguments[1]).stem
    with zipfile.ZipFile(package, "a") as archive:
        bill = bill_of(archive, locked(lock))
        add(archive, NAME, json.dumps(bill, indent=1) + "\n")
    if unknown := [each["name"] for each in _all(bill["components"]) if "licenses" not in each]:
        sys.stderr.write(f"{NAME} has no license of {', '.join(unknown)}: add it to ops/build/libraries.toml.\n")


def bill_of(archive: zipfile.ZipFile, pins: Mapping[str, Locked]) -> Component:
    """The bill of materials of a package whose distributions have these pins.

    Raises:
        KeyError: there is a distribution in it that the lock does not name.
    """
    known = tomllib.loads(LIBRARIES.read_text(encoding="utf-8"))
    described = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    wheels = sorted(_wheels(archive), key=lambda wheel: wheel.name)
    names = {wheel.name: wheel.purl for wheel in wheels}
    own = f"pkg:generic/{described['name']}@{described['version']}"
    application = {"type": "application", "bom-ref": own, "name": described["name"], "version": described["version"]}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**application, "purl": own, **_licenses(described["license"])}},
        "components": [
            *(_of_wheel(archive, wheel, pins[wheel.name].hashes, known) for wheel in wheels),
            *(_of_file(archive, each) for each in known["file"] if each["path"] in archive.namelist()),
        ],
        "dependencies": [
            {"ref": own, "dependsOn": list(names.values())},
            *(
                {"ref": wheel.purl, "dependsOn": [names[each] for each in wheel.needs if each in names]}
                for wheel in wheels
            ),
        ],
    }


@dataclass(frozen=True)
class Wheel:
    """A distribution in the package: its normalized name, and what its metadata says."""

    folder: str
    name: str
    metadata: Message

    @property
    def version(self) -> str:
        return str(self.metadata["Version"])

    @property
    def purl(self) -> str:
        """https://github.com/package-url/purl-spec"""
        return f"pkg:pypi/{self.name}@{self.version}"

    @property
    def needs(self) -> list[str]:
        """What it cannot do without, sorted; what only an extra needs is left out."""
        wanted = [each for each in self.metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
        return sorted({normalized(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in wanted})


def _wheels(archive: zipfile.ZipFile) -> Iterator[Wheel]:
    for name in archive.namelist():
        if found := METADATA.fullmatch(name):
            metadata = Parser().parsestr(archive.read(name).decode(), headersonly=True)
            yield Wheel(found[1], normalized(metadata["Name"]), metadata)


def _of_wheel(archive: zipfile.ZipFile, wheel: Wheel, hashes: Sequence[str], known: Mapping[str, Any]) -> Component:
    license = wheel.metadata["License-Expression"] or known["licenses"].get(wheel.name)
    own = [each for each in known["library"] if each["wheel"] == f"{wheel.name}=={wheel.version}"]
    inside = [_of_library(archive, wheel, each) for each in own] or list(_by_its_own_list(archive, wheel))
    listed = {file for each in own for file in each.get("files", [each["name"]])}
    strange = [_of_strange(archive, wheel, name) for name in _shared(archive, wheel) if _library(name) not in listed]
    return {
        "type": "library",
        "bom-ref": wheel.purl,
        "name": wheel.metadata["Name"],
        "version": wheel.version,
        "purl": wheel.purl,
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
        **(_licenses(license) if license else {}),
        **({"components": [*inside, *strange]} if inside or strange else {}),
    }


def _of_library(archive: zipfile.ZipFile, wheel: Wheel, known: Mapping[str, Any]) -> Component:
    files = known.get("files", [known["name"]])
    parts = [_file(archive, name) for name in _shared(archive, wheel) if _library(name) in files]
    versioned = {"version": known["version"]} if "version" in known else {}
    purl = f"pkg:generic/{known['name']}" + (f"@{known['version']}" if versioned else "")
    return {
        "type": "library",
        "bom-ref": f"{wheel.purl}#{known['name']}",
        "name": known["name"],
        **versioned,
        "purl": purl,
        **_licenses(known["license"]),
        "externalReferences": [{"type": "vcs", "url": known["sources"]}],
        **({"components": parts} if parts else {}),
    }


def _of_strange(archive: zipfile.ZipFile, wheel: Wheel, name: str) -> Component:
    """A library of which only the file is known."""
    named = {"type": "library", "bom-ref": f"{wheel.purl}#{_library(name)}", "name": _library(name)}
    return {**named, "components": [_file(archive, name)]}


def _by_its_own_list(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Component]:
    """PEP 770: what the wheel's builder says is in it; what served the building alone is left out."""
    kept = ("name", "version", "purl", "hashes", "licenses")
    for name in sorted(archive.namelist()):
        if name.startswith(f"{wheel.folder}.dist-info/sboms/") and name.endswith(".json"):
            for each in json.loads(archive.read(name))["components"]:
                if each.get("scope") != "excluded" and each["name"] != wheel.metadata["Name"]:
                    reference = {"type": "library", "bom-ref": f"{wheel.purl}#{each.get('purl', each['name'])}"}
                    yield reference | {key: each[key] for key in kept if key in each}


def _of_file(archive: zipfile.ZipFile, known: Mapping[str, Any]) -> Component:
    described = {"name": known["name"], "version": known["version"], **_licenses(known["license"])}
    sources = [{"type": "website", "url": known["sources"]}]
    return _file(archive, known["path"]) | described | {"externalReferences": sources}


def _file(archive: zipfile.ZipFile, name: str) -> Component:
    content = hashlib.sha256(archive.read(name)).hexdigest()
    return {"type": "file", "bom-ref": name, "name": name, "hashes": [{"alg": "SHA-256", "content": content}]}


def _shared(archive: zipfile.ZipFile, wheel: Wheel) -> list[str]:
    """The libraries that a repaired wheel brings, in a folder beside its own."""
    folder = f"{wheel.metadata['Name'].lower()}.libs/"
    return sorted(name for name in archive.namelist() if name.startswith(folder) and SHARED.fullmatch(name))


def _library(name: str) -> str:
    found = SHARED.fullmatch(name)
    assert found is not None
    return found["library"]


def _licenses(expression: str) -> dict[str, list[dict[str, str]]]:
    """https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/"""
    return {"licenses": [{"expression": expression}]}


def _all(components: Sequence[Component]) -> Iterator[Component]:
    """All that must have a license: a file within a library has that of the library."""
    for each in components:
        yield each
        yield from _all([inner for inner in each.get("components", []) if inner["type"] != "file"])


if __name__ == "__main__":
    main(sys.argv[1:])
