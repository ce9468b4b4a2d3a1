"""Where objects come from: the uploads bucket itself, an S3 Inventory, or keys on standard input."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from ops.errors import UsageError
from ops.heads import head
from processing.store import needs_customer_key

HEADS_AT_ONCE: Final = 16
CHUNK: Final = 100
ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")  # storage classes; GLACIER_IR can be read at once
T = TypeVar("T")


class Unreadable(StrEnum):
    """Why the consumer cannot read an object."""

    ARCHIVED = "archived"
    CUSTOMER_KEY = "encrypted with a customer's key"


@dataclass(frozen=True, slots=True)
class Found:
    """A version of an object.

    ``position`` is from where its source goes on after it: its key, or the number of its line. ``etag`` is empty where
    only the key is known so far, and where it is not to be known. ``unreadable`` is only what its source tells: a
    listing knows nothing of the archive tiers of Intelligent-Tiering, nor of customers' keys.
    """

    key: str
    position: str
    etag: str = ""
    size: int = 0
    modified: datetime | None = None
    unreadable: Unreadable | None = None


def listed(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[Found]:
    """Every object below a prefix, in the order of their keys' UTF-8, from behind the key ``after``."""
    start: dict[str, Any] = {"OptionalObjectAttributes": ["RestoreStatus"]} | ({"StartAfter": after} if after else {})
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for entry in page.get("Contents", ()):
            key, etag = entry["Key"], entry["ETag"].strip('"')
            is_restored = "RestoreExpiryDate" in entry.get("RestoreStatus", {})
            archived = Unreadable.ARCHIVED if entry.get("StorageClass") in ARCHIVES and not is_restored else None
            yield Found(key, key, etag, entry["Size"], entry["LastModified"], archived)


def named(lines: Iterable[str], *, after: str = "") -> Iterator[Found]:
    """Keys, one a line, as they are; from behind the line with the number ``after``.

    Raises:
        UsageError: what is read is no text.
    """
    try:
        for number, line in enumerate(lines, start=1):
            key = line.rstrip("\r\n")
            if key and number > int(after or 0):
                yield Found(key, position=str(number))
    except UnicodeDecodeError as error:
        raise UsageError(f"the keys are not UTF-8 ({error}): give one key a line, as S3 has it") from error


def asked_for(s3: Any, bucket: str, found: Iterable[Found]) -> Iterator[Found]:
    """The same in the same order, with what S3 says of those of which only the key was known."""

    def ask(one: Found) -> Found:
        return one if one.etag else _asked(s3, bucket, one)

    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        for chunk in chunks(found, CHUNK):
            yield from threads.map(ask, chunk)


def _asked(s3: Any, bucket: str, one: Found) -> Found:
    try:
        said = head(s3, bucket, one.key)
    except ClientError as error:
        if needs_customer_key(error):
            return replace(one, unreadable=Unreadable.CUSTOMER_KEY)
        raise
    return one if said is None else replace(one, **_facts(said))


def _facts(said: Mapping[str, Any]) -> dict[str, Any]:
    """Of an answer to HEAD. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    archived = "ArchiveStatus" in said or said.get("StorageClass") in ARCHIVES  # the first is Intelligent-Tiering's
    why = Unreadable.ARCHIVED if archived and "expiry-date" not in said.get("Restore", "") else None
    return {"etag": said["ETag"], "size": said["ContentLength"], "modified": said["LastModified"], "unreadable": why}


def chunks(things: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """As many at a time."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
