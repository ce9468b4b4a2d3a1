"""The variants bucket, seen from outside: what is in it, and a copy of it in a folder."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.cli.follow import PAUSE
from ops.cli.results import Results
from ops.cli.start.parallel import comes_to_an_end
from processing.ledger import Record, VariantRecord, Version

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ListedVariant:
    """What S3 says of a stored variant; a write changes ``modified``, which S3 tells in whole seconds."""

    modified: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class VariantsBucket:
    """The variants bucket; ``s3`` is a boto3 client."""

    s3: Any
    name: str

    def stored(self) -> dict[str, ListedVariant]:
        """Everything in it, by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        items = (item for page in pages for item in page.get("Contents", ()))
        return {item["Key"]: ListedVariant(item["LastModified"], item["ETag"]) for item in items}

    def read(self, key: str) -> bytes:
        """The content of one."""
        content: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content


class Copies:
    """Copies the variants of each image that is done into the results, beside the work on the others.

    Args:
        on_copied: called with how many variants are there, and of how many; from any thread.
    """

    def __init__(
        self,
        bucket: VariantsBucket,
        results: Results,
        pool: ThreadPoolExecutor,
        on_copied: Callable[[int, int], object],
    ) -> None:
        self._bucket = bucket
        self._results = results
        self._pool = pool
        self._on_copied = on_copied
        self._begun = 0
        self._numbers = itertools.count(1)
        self._copies = defaultdict[Version, list[Future[None]]](list)

    def begin(self, record: Record) -> None:
        """Copy the variants of an image, each under its key; returns at once."""
        self._begun += len(record.variants)
        self._copies[record.version] += [self._pool.submit(self._copy, each) for each in record.variants]

    def wait(self, until: Callable[[], bool]) -> set[Version]:
        """Wait for every copy; the versions of which all were made, which are fewer when ``until`` ends the wait.

        Raises:
            UsageError: one cannot be written.
            ClientError, BotoCoreError: one cannot be read.
        """
        made = set()
        for version, copies in self._copies.items():
            if all(comes_to_an_end(copy, until) for copy in copies):
                made.add(version)
                for copy in copies:
                    copy.result()
        return made

    def _copy(self, variant: VariantRecord) -> None:
        self._results.write(variant.key, self._bucket.read(variant.key))
        self._on_copied(next(self._numbers), self._begun)


@contextmanager
def copying(
    bucket: VariantsBucket,
    results: Results,
    on_copied: Callable[[int, int], object] = lambda _done, _of: None,
    *,
    is_interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[Copies]:
    """What copies variants while the block runs; behind an interrupted one a copy that is being made is given up."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download")
    try:
        yield Copies(bucket, results, pool, on_copied)
    finally:
        pool.shutdown(wait=not is_interrupted(), cancel_futures=True)


def changes(before: Mapping[str, ListedVariant], after: Mapping[str, ListedVariant]) -> list[str]:
    """The keys that were written, or went away, between two listings."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def wait_for_a_later_second(
    stored: Mapping[str, ListedVariant], *, now: Callable[[], datetime], pause: Callable[[float], None]
) -> None:
    """Wait until a write would show: S3 tells times in whole seconds, and now is in a later one than the last write."""
    last = max((each.modified for each in stored.values()), default=datetime.min.replace(tzinfo=UTC))
    while now().replace(microsecond=0) <= last:
        pause(PAUSE)
