"""The entries of the package's zip: of one date, for the same bytes each time, and readable by the function's user.

Lambda unpacks them with the modes they have and runs the function as another user. A requirement has the mode that
this machine's umask gave it: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import zipfile

NO_DATE = (1980, 1, 1, 0, 0, 0)
FILE, PROGRAM = 0o100644, 0o100755


def add(archive: zipfile.ZipFile, name: str, content: bytes | str) -> None:
    """Add a file to the zip."""
    entry = zipfile.ZipInfo(name, NO_DATE)
    entry.external_attr = FILE << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def make_readable(archive: zipfile.ZipFile) -> None:
    """Let everybody read each file, and run those that their owner may run; for a zip to which something is added."""
    for entry in archive.infolist():
        entry.external_attr = (PROGRAM if entry.external_attr >> 16 & 0o100 else FILE) << 16
