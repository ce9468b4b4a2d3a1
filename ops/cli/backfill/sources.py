"""Where objects come from: the uploads bucket itself, an S3 Inventory, or keys on standard input."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from ops.errors import UsageError
from processing.storage.objects import head, needs_customer_key

HEADS_AT_ONCE: Final = 16
CHUNK: Final = 100
ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")  # storage classes; GLACIER_IR can be read at once
GZIP: Final = b"\x1f\x8b"
MANIFEST: Final = "manifest.json"
NEEDED: Final = ("Bucket", "Key")
T = TypeVar("T")


class Unreadable(StrEnum):
    """Why the consumer cannot read an object."""

    ARCHIVED = "archived"
    CUSTOMER_KEY = "encrypted with a customer's key"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A version of an object.

    Args:
        position: where to resume after it: its key, or the number of its line.
        etag: empty where only the key is known.
        unreadable: as far as the source says: a listing has neither the archive tiers of Intelligent-Tiering nor
            customers' keys.
    """

    key: str
    position: str
    etag: str = ""
    size: int = 0
    modified: datetime | None = None
    unreadable: Unreadable | None = None


def listed(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[ListedObject]:
    """Every object below a prefix, in the order of their keys' UTF-8, from behind the key ``after``."""
    start: dict[str, Any] = {"OptionalObjectAttributes": ["RestoreStatus"]} | ({"StartAfter": after} if after else {})
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for entry in page.get("Contents", ()):
            key, etag = entry["Key"], entry["ETag"].strip('"')
            is_restored = "RestoreExpiryDate" in entry.get("RestoreStatus", {})
            archived = Unreadable.ARCHIVED if entry.get("StorageClass") in ARCHIVES and not is_restored else None
            yield ListedObject(key, key, etag, entry["Size"], entry["LastModified"], archived)


def keys_from(lines: Iterable[str], *, after: str = "") -> Iterator[ListedObject]:
    """Keys, one per line; from behind the line with the number ``after``.

    Raises:
        UsageError: the input is not UTF-8.
    """
    try:
        for number, line in enumerate(lines, start=1):
            key = line.rstrip("\r\n")
            if key and number > int(after or 0):
                yield ListedObject(key, position=str(number))
    except UnicodeDecodeError as error:
        raise UsageError(f"the keys are not UTF-8 ({error}): give one key per line, as S3 has it") from error


def completed(s3: Any, bucket: str, found: Iterable[ListedObject]) -> Iterator[ListedObject]:
    """The same in the same order, with a HEAD of each of which only the key is known."""

    def complete(one: ListedObject) -> ListedObject:
        return one if one.etag else _with_head(s3, bucket, one)

    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        for chunk in chunks(found, CHUNK):
            yield from threads.map(complete, chunk)


def _with_head(s3: Any, bucket: str, one: ListedObject) -> ListedObject:
    try:
        answer = head(s3, bucket, one.key)
    except ClientError as error:
        if needs_customer_key(error):
            return replace(one, unreadable=Unreadable.CUSTOMER_KEY)
        raise
    return one if answer is None else replace(one, **_facts(answer))


def _facts(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Of an answer to HEAD. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    archived = "ArchiveStatus" in answer or answer.get("StorageClass") in ARCHIVES  # the first is Intelligent-Tiering's
    why = Unreadable.ARCHIVED if archived and "expiry-date" not in answer.get("Restore", "") else None
    size, modified = answer["ContentLength"], answer["LastModified"]
    return {"etag": answer["ETag"], "size": size, "modified": modified, "unreadable": why}


def chunks(things: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """As many at a time."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


class Inventory:
    """A CSV file of an S3 Inventory, packed or not: no header, url-encoded keys, columns as its manifest.json says.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html

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

    def found(self, *, after: str = "") -> Iterator[ListedObject]:
        """The latest versions, from behind the row with the number ``after``.

        Raises:
            UsageError: a row is none, or of another bucket.
        """
        for number, row in enumerate(self._rows(), start=1):
            if number > int(after or 0) and row != list(self._columns):
                found = self._found(number, row)
                if found is not None:
                    yield found

    def _found(self, number: int, row: Sequence[str]) -> ListedObject | None:
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
        return ListedObject(
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
