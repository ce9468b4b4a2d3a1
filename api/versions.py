"""What the ledger has of objects: all versions of one, and of the many in a list.

An object's versions are one partition, so that telling them takes a Query each. Nearly every object has one version
for ever, though: once that was seen, it is read by its name, and so is the item that tells of a removal, those of fifty
objects in one BatchGetItem. Whether there are more versions by now is asked again after a minute: only whoever has the
form can make one, by using it twice.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from processing.ledger import REMOVED_KEY, ImagesTable, Record, Version

THREADS: Final = 8  # that ask for one thing each
TRUSTED_SECONDS: Final = 60  # for which an object's only version is taken for its only one
MOST_KNOWN: Final = 10_000  # objects; a megabyte or two


class Versions(Protocol):
    """The ledger, read."""

    def of(self, key: str) -> list[Record]: ...
    def of_many(self, keys: Sequence[str]) -> list[list[Record]]: ...


class TableVersions:
    """The versions of objects in the uploads bucket, from the images table.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, table: ImagesTable, *, uploads_bucket: str, clock: Callable[[], float]) -> None:
        self._table = table
        self._bucket = uploads_bucket
        self._clock = clock
        self._only: dict[str, tuple[str, float]] = {}  # the ETag of an object's only version, and until when it is that

    def of(self, key: str) -> list[Record]:
        """All versions of an object, as they are now."""
        return self._table.versions(self._bucket, key)

    def of_many(self, keys: Sequence[str]) -> list[list[Record]]:
        """Those of each object, as they are now; one that came within the last minute may be missing."""
        found = self._read(keys)
        unknown = [key for key in keys if key not in found]
        with ThreadPoolExecutor(THREADS) as threads:
            asked = dict(zip(unknown, threads.map(self.of, unknown), strict=True))
        self._learn(asked)
        found |= asked
        return [found[key] for key in keys]

    def _read(self, keys: Sequence[str]) -> dict[str, list[Record]]:
        """What is known by name; nothing of an object whose only version is not there any more."""
        now = self._clock()
        known = {key: self._only[key][0] for key in keys if key in self._only and now < self._only[key][1]}
        names = {key: [Version(self._bucket, key, etag) for etag in (only, REMOVED_KEY)] for key, only in known.items()}
        records = self._table.read(version for both in names.values() for version in both)
        return {
            key: [records[version] for version in both if version in records]
            for key, both in names.items()
            if both[0] in records
        }

    def _learn(self, asked: Mapping[str, Sequence[Record]]) -> None:
        if len(self._only) + len(asked) > MOST_KNOWN:
            self._only.clear()
        until = self._clock() + TRUSTED_SECONDS
        self._only |= {key: (records[0].version.etag, until) for key, records in asked.items() if len(records) == 1}
