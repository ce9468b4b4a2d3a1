"""The steps of an erasure, and when each may be taken; `processing.erasure` has the reasons for their order."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from processing.erasure.names import other_sources, possible_keys
from processing.erasure.receipt import Receipt, Retention, receipt_of
from processing.errors import ObjectLocked
from processing.ledger import Record
from processing.ledger.erasures import ErasureTable, Intent
from processing.storage.versions import StoredKind, StoredVersion, VersionStore

ROUNDS: Final = 3  # in one go; an object that is uploaded again and again is taken up later
LATER: Final = 60  # seconds
KINDS: Final = {StoredKind.VERSION: "originals", StoredKind.MARKER: "markers", StoredKind.UPLOAD: "uploads"}

Letters = Callable[[Intent], Collection[str] | None]
Announce = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Wait:
    """The erasure must go on after so many seconds; nothing of it is lost."""

    seconds: int
    why: str


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases objects of one stage.

    Args:
        prefix: of the uploads.
        request_seconds: the longest one request of a worker can take, retries included.
        retention: how long copies live that cannot be deleted.
        cache_seconds: how long a cache in front of the variants bucket may keep a variant that is deleted.
        delete_letters: deletes the object's dead letters and returns their ids; None if it cannot read them.
        announce: tells others of the erasure, by the id of its receipt and the SHA-256 of bucket/key; may be called
            again for the same receipt.
        clock: seconds since the epoch.
    """

    versions: VersionStore
    table: ErasureTable
    uploads_bucket: str
    variants_bucket: str
    prefix: str
    request_seconds: float
    retention: Retention
    cache_seconds: int = 0
    delete_letters: Letters = lambda _: None
    announce: Announce = lambda _receipt, _digest: None
    clock: Callable[[], float] = time.time

    def survey(self, intent: Intent) -> dict[str, int]:
        """How much there is to erase, by kind; nothing is changed."""
        return {
            "originals": len(self.versions.under(intent.bucket, intent.key)),
            "variants": len(self._variants(intent, self._variant_names(intent))),
            "records": len(self.table.records(intent)),
        }

    def advance(self, intent: Intent) -> Receipt | Wait:
        """Go as far as possible without waiting.

        Raises:
            ObjectLocked: Object Lock keeps a version; nothing was deleted.
            ErasureEnded: another worker has finished this erasure.
            Unavailable: AWS refused; the erasure can be taken up again.
        """
        self._refuse_locked(intent)
        for _ in range(ROUNDS):
            intent = self._erase_originals(intent)
            if wait := self._wait_for_workers(intent):
                return wait
            names = self._variant_names(intent)
            intent = self._erase_variants(intent, names)
            if wait := self._wait_for_caches(intent):
                return wait
            letters = self.delete_letters(intent)
            intent = self.table.add(intent, "letters", letters or ())
            intent = self._erase_owner(intent)
            intent = self._erase_records(intent)
            if not self._is_anything_left(intent, names):
                return self._finish(intent, letters_seen=letters is not None)
        return Wait(LATER, "the object is written again and again")

    def _erase_originals(self, intent: Intent) -> Intent:
        found = self.versions.under(intent.bucket, intent.key)
        for kind, name in KINDS.items():
            intent = self.table.add(intent, name, [stored.id for stored in found if stored.kind is kind])
        self._delete(found)
        return intent

    def _wait_for_workers(self, intent: Intent) -> Wait | None:
        return self._until(self._quiet_at(self.table.records(intent)), "a worker may publish until then")

    def _erase_variants(self, intent: Intent, names: Collection[str]) -> Intent:
        found = self._variants(intent, names)
        until = math.ceil(self.clock() + self.cache_seconds) if found and self.cache_seconds else 0
        intent = self.table.add(intent, "variants", [f"{each.key} {each.id}" for each in found], uncached_at=until)
        self._delete(found)
        return intent

    def _wait_for_caches(self, intent: Intent) -> Wait | None:
        return self._until(intent.uncached_at, "caches may show a variant until then")

    def _erase_owner(self, intent: Intent) -> Intent:
        if self.table.has_owner(intent):
            intent = self.table.add(intent, "owners", [intent.owner])
            self.table.delete_owner(intent)
        return intent

    def _erase_records(self, intent: Intent) -> Intent:
        """Delete the records; none if somebody has come since the wait, who may publish."""
        records = self.table.records(intent)
        if self._quiet_at(records) > self.clock():
            return intent
        intent = self.table.add(intent, "records", [record.version.etag for record in records])
        for record in records:
            self.table.delete_record(record)
        return intent

    def _is_anything_left(self, intent: Intent, names: Collection[str]) -> bool:
        return bool(
            self.versions.under(intent.bucket, intent.key)
            or self.table.records(intent)
            or self._variants(intent, names)
        )

    def _finish(self, intent: Intent, *, letters_seen: bool) -> Receipt | Wait:
        """Announce it, store the receipt, and remove the intent, in this order: what is repeated does no harm."""
        receipt = receipt_of(intent, self.retention, ended_at=self.clock(), letters_seen=letters_seen)
        self.announce(intent.id, intent.digest)
        return receipt if self.table.end(intent, receipt.document) else Wait(1, "it was requested again")

    def _quiet_at(self, records: Sequence[Record]) -> float:
        """When nobody who has fetched the original can write any more.

        A request that was not answered may take effect after its worker has recorded a failure and given up the lease.
        """
        ends = (max(record.lease_until, record.updated_at + 1) for record in records)  # whole seconds, rounded down
        return max(ends, default=0) + self.request_seconds

    def _until(self, moment: float, why: str) -> Wait | None:
        left = math.ceil(moment - self.clock())
        return Wait(left, why) if left > 0 else None

    def _variant_names(self, intent: Intent) -> set[str]:
        """Every key that a variant of the object has, or had under another recipe."""
        folders = self.versions.folders(self.variants_bucket)
        recorded = {variant.key for record in self.table.records(intent) for variant in record.variants}
        return recorded | possible_keys(intent.key, prefix=self.prefix, folders=folders)

    def _variants(self, intent: Intent, names: Collection[str]) -> list[StoredVersion]:
        """What is stored under these keys, without the variants of other objects that exist."""
        found = [stored for name in sorted(names) for stored in self.versions.versions(self.variants_bucket, name)]
        own = {record.version.etag for record in self.table.records(intent)}
        return [stored for stored in found if not self._is_anothers(stored, intent, own)]

    def _is_anothers(self, stored: StoredVersion, intent: Intent, own: Collection[str]) -> bool:
        """Whether another object that exists has this variant: under another recipe, two objects may share a name."""
        if stored.kind is not StoredKind.VERSION:
            return False
        sources = other_sources(stored.key, intent.key, prefix=self.prefix)
        etags = {each.etag for source in sources for each in self.versions.versions(self.uploads_bucket, source)}
        return bool(etags - {""}) and self.versions.source_etag(stored) in etags - {"", *own}

    def _refuse_locked(self, intent: Intent) -> None:
        found: list[StoredVersion] = []
        if self.versions.has_locks(intent.bucket):
            found += self.versions.under(intent.bucket, intent.key)
        if self.versions.has_locks(self.variants_bucket):
            found += self._variants(intent, self._variant_names(intent))
        for stored in found:
            if why := self.versions.lock(stored):
                raise ObjectLocked(f"{stored.bucket}/{stored.key}, version {stored.id}: {why}")

    def _delete(self, found: Sequence[StoredVersion]) -> None:
        for stored in found:
            self.versions.delete(stored)
