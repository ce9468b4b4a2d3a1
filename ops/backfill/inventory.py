"""The rows of an S3 Inventory's CSV file: no header, url-encoded keys, columns as its manifest.json says.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

from ops.backfill.sources import ARCHIVES, Found, Unreadable
from ops.errors import UsageError

GZIP: Final = b"\x1f\x8b"
MANIFEST: Final = "manifest.json"
NEEDED: Final = ("Bucket", "Key")


class Inventory:
    """One CSV file, as S3 wrote it or unpacked.

    Args:
        columns: as manifest.json calls its ``fileSchema``, with commas; when empty they are taken from a header line,
            from a manifest.json beside the file, or, for two columns, to be Bucket and Key.

    Raises:
        UsageError: there is no such file, or nothing says what its columns are.
    """

    def __init__(self, file: Path, *, bucket: str, columns: str = "") -> None:
        self._file = file
        self._bucket = bucket
        self._columns = _split(columns) or self._guessed()
        if missing := [name for name in NEEDED if name not in self._columns]:
            raise UsageError(
                f"{file} has no column {' and '.join(missing)} that is known: name its columns as the fileSchema of "
                'its manifest.json does, as in --columns "Bucket, Key, Size, LastModifiedDate, ETag"'
            )

    def knows(self, column: str) -> bool:
        return column in self._columns

    def found(self, *, after: str = "") -> Iterator[Found]:
        """The latest versions, from behind the row with the number ``after``.

        Raises:
            UsageError: a row is none, or of another bucket.
        """
        for number, row in enumerate(self._rows(), start=1):
            if number > int(after or 0) and row != list(self._columns):
                found = self._found(number, row)
                if found is not None:
                    yield found

    def _found(self, number: int, row: Sequence[str]) -> Found | None:
        if len(row) != len(self._columns):
            wanted = ", ".join(self._columns)
            raise UsageError(f"{self._file}, row {number}: has {len(row)} columns instead of {wanted}: see --columns")
        fields = dict(zip(self._columns, row, strict=True))
        if fields["Bucket"] != self._bucket:
            raise UsageError(
                f"{self._file}, row {number}: is of the bucket {fields['Bucket']}, and this stage's is {self._bucket}: "
                "give this bucket's inventory, or name another --stage"
            )
        if fields.get("IsLatest") == "false" or fields.get("IsDeleteMarker") == "true":
            return None
        when = fields.get("LastModifiedDate")
        return Found(
            unquote_plus(fields["Key"]),
            position=str(number),
            etag=fields.get("ETag", "").strip('"'),
            size=int(fields.get("Size") or 0),
            modified=datetime.fromisoformat(when) if when else None,
            unreadable=_unreadable(fields),
        )

    def _rows(self) -> Iterator[list[str]]:
        try:
            with self._file.open("rb") as file:
                packed = file.peek(2)[:2] == GZIP  # whatever its name says
                content = gzip.GzipFile(fileobj=file) if packed else file
                with io.TextIOWrapper(content, encoding="utf-8", newline="") as text:
                    yield from csv.reader(text)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            wanted = "give an S3 Inventory in CSV, or - for keys"
            raise UsageError(f"{self._file} cannot be read ({error}): {wanted}") from error

    def _guessed(self) -> tuple[str, ...]:
        first = next(self._rows(), [])
        if "Key" in first:
            return tuple(first)
        for folder in (self._file.parent, self._file.parent.parent):
            if (manifest := folder / MANIFEST).is_file():
                return _split(json.loads(manifest.read_text(encoding="utf-8")).get("fileSchema", ""))
        return NEEDED if len(first) == len(NEEDED) else ()


def _unreadable(fields: Mapping[str, str]) -> Unreadable | None:
    """As it was when the inventory was written: one that has been restored since is archived here all the same."""
    tier = fields.get("IntelligentTieringAccessTier", "").upper()
    if fields.get("StorageClass") in ARCHIVES or ("ARCHIVE" in tier and "INSTANT" not in tier):
        return Unreadable.ARCHIVED
    return Unreadable.CUSTOMER_KEY if fields.get("EncryptionStatus") == "SSE-C" else None


def _split(columns: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in columns.split(",") if name.strip())
