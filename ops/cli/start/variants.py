"""The variants bucket, seen from outside: what is in it, and a copy of it in a folder."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.cli.follow import PAUSE
from processing.ledger import VariantRecord

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

    def save(self, variants: Sequence[VariantRecord], folder: Path, on_saved: Callable[[VariantRecord], None]) -> None:
        """Copy variants into a folder, each under its key, and each once."""
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download")
        try:
            for variant, _ in zip(variants, pool.map(lambda each: self._save(each, folder), variants), strict=True):
                on_saved(variant)
        finally:
            pool.shutdown(cancel_futures=True)

    def _save(self, variant: VariantRecord, folder: Path) -> None:
        path = folder / variant.key
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"the variant's key {variant.key!r} leads out of {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        body = self.s3.get_object(Bucket=self.name, Key=variant.key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)


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
