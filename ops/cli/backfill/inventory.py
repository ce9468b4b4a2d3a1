"""The objects of an S3 Inventory in CSV: of a manifest.json with all its files, or of one file.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import unquote_plus

from ops.cli.backfill.manifest import NAME, Manifest, is_manifest
from ops.cli.backfill.sources import ARCHIVES, ListedObject, Unreadable
from ops.errors import UsageError

GZIP: Final = b"\x1f\x8b"
NEEDED: Final = ("Bucket", "Key")
WISHED: Final = ("Size", "ETag")  # without them each object needs a HEAD
OF_VERSIONS: Final = ("IsLatest", "IsDeleteMarker")


class DataFiles(Protocol):
    """The CSV files of an inventory, in an order that stays."""

    @property
    def identity(self) -> str:
        """Another one for another inventory."""

    @property
    def names(self) -> Sequence[str]: ...

    def opened(self, number: int) -> Any:
        """A context with the file, to be read as bytes."""


class Inventory:
    """Rows of CSV, packed or not: keys are URL-encoded, columns as the manifest's ``fileSchema`` has them.

    Args:
        columns: as ``fileSchema``, with commas. When empty, of one file: those of its header line, of a manifest.json
            beside it, or, where there are two, Bucket and Key.

    Raises:
        UsageError: there is no such inventory, it is of another bucket, or nothing says what its columns are.
    """

    def __init__(self, source: str, *, bucket: str, s3: Any = None, columns: str = "") -> None:
        manifest = Manifest.read(source, s3) if is_manifest(source) else None
        self._files: DataFiles = _OfManifest(manifest) if manifest else _OneFile(Path(source))
        self._source = source
        self._bucket = bucket
        self.created = manifest.created if manifest else None
        self._columns = _split(columns or (manifest.columns if manifest else "")) or self._guessed(Path(source))
        self._check(manifest)

    @property
    def identity(self) -> str:
        """Another one for another inventory under the same name: a checkpoint is of one."""
        return self._files.identity

    @property
    def missing(self) -> list[str]:
        """The columns that it lacks and that would save a HEAD of each object."""
        return [name for name in WISHED if name not in self._columns]

    def knows(self, column: str) -> bool:
        return column in self._columns

    def found(self, *, after: str = "") -> Iterator[ListedObject]:
        """The latest versions, from behind the position ``after``: the numbers of a file and of a row.

        Raises:
            UsageError: a row is none, or of another bucket; or a file is not the manifest's.
        """
        file, row = (int(number) for number in (after or "1:0").split(":"))
        for number in range(file, len(self._files.names) + 1):
            yield from self._of_file(number, behind=row if number == file else 0)

    def _of_file(self, number: int, *, behind: int) -> Iterator[ListedObject]:
        for at, row in enumerate(self._rows(number), start=1):
            if at > behind and row != list(self._columns):
                found = self._found(f"{number}:{at}", f"{self._files.names[number - 1]}, row {at}", row)
                if found is not None:
                    yield found

    def _found(self, position: str, where: str, row: Sequence[str]) -> ListedObject | None:
        if len(row) != len(self._columns):
            wanted = ", ".join(self._columns)
            raise UsageError(f"{where}: has {len(row)} columns instead of {wanted}: see --columns")
        fields = dict(zip(self._columns, row, strict=True))
        if fields["Bucket"] != self._bucket:
            raise UsageError(f"{where}: is of the bucket {fields['Bucket']}, {self._not_ours()}")
        if fields.get("IsLatest", "").lower() == "false" or fields.get("IsDeleteMarker", "").lower() == "true":
            return None
        when = fields.get("LastModifiedDate")
        return ListedObject(
            unquote_plus(fields["Key"]),
            position=position,
            etag="" if self.missing else fields["ETag"].strip('"'),
            size=int(fields.get("Size") or 0),
            modified=datetime.fromisoformat(when) if when else None,
            unreadable=_unreadable(fields),
        )

    def _rows(self, number: int) -> Iterator[list[str]]:
        try:
            with self._files.opened(number - 1) as file, _unpacked(file) as text:
                yield from csv.reader(text)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            name = self._files.names[number - 1]
            wanted = f"give an S3 Inventory in CSV, by its {NAME} or one of its files, or - for keys"
            raise UsageError(f"{name} cannot be read ({error}): {wanted}") from error

    def _guessed(self, file: Path) -> tuple[str, ...]:
        first = next(self._rows(1), [])
        if "Key" in first:
            return tuple(first)
        for folder in (file.parent, file.parent.parent):
            if (manifest := folder / NAME).is_file():
                return _split(json.loads(manifest.read_text(encoding="utf-8")).get("fileSchema", ""))
        return NEEDED if len(first) == len(NEEDED) else ()

    def _check(self, manifest: Manifest | None) -> None:
        if manifest and manifest.bucket != self._bucket:
            raise UsageError(f"{self._source} is of the bucket {manifest.bucket}, {self._not_ours()}")
        if missing := [name for name in NEEDED if name not in self._columns]:
            raise UsageError(
                f"{self._source} has no column {' and '.join(missing)} that is known: name its columns as the "
                'fileSchema of its manifest.json does, as in --columns "Bucket, Key, Size, LastModifiedDate, ETag"'
            )
        if "VersionId" in self._columns and not set(OF_VERSIONS) <= set(self._columns):
            raise UsageError(
                f"{self._source} has versions and no column {' or '.join(OF_VERSIONS)}, so the latest is unknown: name "
                "all its columns, or take an inventory of the current versions"
            )

    def _not_ours(self) -> str:
        return f"and this stage's is {self._bucket}: give this bucket's inventory, or name another --stage"


class _OfManifest:
    """The files that a manifest names."""

    def __init__(self, manifest: Manifest) -> None:
        self.identity = manifest.digest
        self.names = [key for key, _ in manifest.files]
        self.opened = manifest.opened


class _OneFile:
    """One file on this machine; another one when it is written again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.names = [str(file)]

    @property
    def identity(self) -> str:
        try:
            status = self._file.stat()
        except OSError as error:
            raise UsageError(f"{self._file} cannot be read ({error.strerror})") from error
        return f"{status.st_size} bytes of {status.st_mtime_ns}"

    def opened(self, _number: int) -> IO[bytes]:
        return self._file.open("rb")


@contextmanager
def _unpacked(file: IO[bytes]) -> Iterator[IO[str]]:
    """The text of a file, packed or not, whatever its name says."""
    start = file.read(len(GZIP))
    file.seek(0)
    content: Any = gzip.GzipFile(fileobj=file, mode="rb") if start == GZIP else file
    text = io.TextIOWrapper(content, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()  # the file is its owner's to close


def _unreadable(fields: Mapping[str, str]) -> Unreadable | None:
    """As it was when the inventory was written: one that has been restored since is archived here all the same."""
    tier = fields.get("IntelligentTieringAccessTier", "").upper()
    if fields.get("StorageClass") in ARCHIVES or ("ARCHIVE" in tier and "INSTANT" not in tier):
        return Unreadable.ARCHIVED
    return Unreadable.CUSTOMER_KEY if fields.get("EncryptionStatus") == "SSE-C" else None


def _split(columns: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in columns.split(",") if name.strip())
