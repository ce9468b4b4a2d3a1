"""Where objects come from: the uploads bucket itself, an S3 Inventory, or keys on standard input."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from ops.errors import UsageError
from ops.heads import head

HEADS_AT_ONCE: Final = 16
CHUNK: Final = 100
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A version of an object.

    ``position`` is from where its source goes on after it: its key, or the number of its line. ``etag`` is empty where
    only the key is known so far, and where the object is gone.
    """

    key: str
    position: str
    etag: str = ""
    size: int = 0
    modified: datetime | None = None


def listed(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[Found]:
    """Every object below a prefix, in the order of their keys' UTF-8, from behind the key ``after``."""
    start = {"StartAfter": after} if after else {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for entry in page.get("Contents", ()):
            key, etag = entry["Key"], entry["ETag"].strip('"')
            yield Found(key, position=key, etag=etag, size=entry["Size"], modified=entry["LastModified"])


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
        if one.etag or (said := head(s3, bucket, one.key)) is None:
            return one
        return replace(one, etag=said["ETag"], size=said["ContentLength"], modified=said["LastModified"])

    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        for chunk in chunks(found, CHUNK):
            yield from threads.map(ask, chunk)


def chunks(things: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """As many at a time."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
