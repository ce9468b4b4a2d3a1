"""The entries of the package's zip: of one date, for the same bytes each time, and readable by the function's user.

Lambda unpacks them with the modes they have and runs the function as another user. A requirement has the mode that
this machine's umask gave it: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

NO_DATE = (1980, 1, 1, 0, 0, 0)
FILE, PROGRAM = 0o100644, 0o100755


def add(archive: zipfile.ZipFile, name: str, content: bytes | str) -> None:
    """Add a file to the zip."""
    entry = zipfile.ZipInfo(name, NO_DATE)
    entry.external_attr = FILE << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def rewrite(package: Path, added: Mapping[str, bytes]) -> None:
    """Deflate every file of a zip, let everybody read it, and run what its owner may run; add these files."""
    rewritten = package.with_suffix(".new")
    with zipfile.ZipFile(package) as before, zipfile.ZipFile(rewritten, "w") as after:
        for entry in before.infolist():
            entry.external_attr = (PROGRAM if entry.external_attr >> 16 & 0o100 else FILE) << 16
            after.writestr(entry, before.read(entry), zipfile.ZIP_DEFLATED)
        for name, content in added.items():
            add(after, name, content)
    rewritten.replace(package)
