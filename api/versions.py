"""The ledger's records of objects: all versions of one, and those of many for a list.

The versions of an object are one partition, so that reading them takes a Query. Nearly every object has one version
forever, though: once a Query has shown that, this version and the item of a removal are read by their keys, those of
fifty objects in one BatchGetItem. After a minute the Query is repeated, because the holder of a presigned POST can use
it twice and so make another version.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from processing.ledger import REMOVED_KEY, ImagesTable, Record, Version

THREADS: Final = 8  # one request each
CACHE_SECONDS: Final = 60  # for which an object is known to have a single version
MAX_CACHED: Final = 10_000  # objects; a megabyte or two


class Versions:
    """The versions of objects in the uploads bucket, from the images table.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, table: ImagesTable, *, uploads_bucket: str, clock: Callable[[], float]) -> None:
        self._table = table
        self._bucket = uploads_bucket
        self._clock = clock
        self._single: dict[str, tuple[str, float]] = {}  # the ETag of an object's single version, and its expiry here

    def of(self, key: str) -> list[Record]:
        """All versions of an object."""
        return self._table.versions(self._bucket, key)

    def of_many(self, keys: Sequence[str]) -> list[list[Record]]:
        """The versions of each object; one that was created within the last minute may be missing."""
        found = self._read(keys)
        unknown = [key for key in keys if key not in found]
        with ThreadPoolExecutor(THREADS) as threads:
            queried = dict(zip(unknown, threads.map(self.of, unknown), strict=True))
        self._cache(queried)
        found |= queried
        return [found[key] for key in keys]

    def at(self, etags: Mapping[str, str]) -> dict[str, Record]:
        """The record of one version of each object, by the object's key; without those that have none."""
        records = self._table.read(Version(self._bucket, key, etag) for key, etag in etags.items())
        return {version.key: record for version, record in records.items()}

    def _read(self, keys: Sequence[str]) -> dict[str, list[Record]]:
        """Read the cached objects by their keys; without an object whose single version does not exist any more."""
        now = self._clock()
        known = {key: self._single[key][0] for key in keys if key in self._single and now < self._single[key][1]}
        names = {key: [Version(self._bucket, key, etag) for etag in (one, REMOVED_KEY)] for key, one in known.items()}
        records = self._table.read(version for both in names.values() for version in both)
        return {
            key: [records[version] for version in both if version in records]
            for key, both in names.items()
            if both[0] in records
        }

    def _cache(self, queried: Mapping[str, Sequence[Record]]) -> None:
        if len(self._single) + len(queried) > MAX_CACHED:
            self._single.clear()
        until = self._clock() + CACHE_SECONDS
        self._single |= {key: (records[0].version.etag, until) for key, records in queried.items() if len(records) == 1}
