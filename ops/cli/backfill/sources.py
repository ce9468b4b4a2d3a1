"""Where objects come from: the uploads bucket itself, or keys on standard input; and what a HEAD adds to a key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from ops.errors import UsageError
from processing.storage.objects import head, needs_customer_key

HEADS_AT_ONCE: Final = 16
CHUNK: Final = 100
ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")  # storage classes; GLACIER_IR can be read at once
T = TypeVar("T")


class Unreadable(StrEnum):
    """Why the consumer cannot read an object."""

    ARCHIVED = "archived"
    CUSTOMER_KEY = "encrypted with a customer's key"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A version of an object.

    Args:
        position: where to resume after it: its key, the number of its line, or of its file and row.
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
            yield from chunk if all(one.etag for one in chunk) else threads.map(complete, chunk)


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
