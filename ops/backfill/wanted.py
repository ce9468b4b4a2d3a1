"""Which of the objects that were found have to be processed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops.backfill.sources import Found
from ops.images import ImagesTable, Record


class Verdict(StrEnum):
    """What becomes of an object, as it is counted."""

    WANTED = "wanted"
    DONE = "done already"
    REJECTED = "rejected already"
    BUSY = "being worked on"
    OLDER = "not changed since"
    GONE = "no longer there"
    ARCHIVED = "archived"
    CUSTOMER_KEY = "under a customer's key"
    OUTSIDE = "outside the prefix"
    FOLDER = "folders"


@dataclass(frozen=True, slots=True)
class Missing:
    """What today's recipe has been done for, by the images table.

    Args:
        bucket: the uploads bucket.
        recipe: the fingerprint of today's recipe.
        rejected: whether what was rejected with it is tried again.
        clock: seconds since the epoch.
    """

    table: ImagesTable
    bucket: str
    recipe: str
    rejected: bool
    clock: Callable[[], float]

    def judge(self, found: Sequence[Found]) -> list[Verdict]:
        """One verdict each, for as many as one request takes."""
        versions = [(f"{self.bucket}/{one.key}", one.etag) for one in found]
        records = self.table.read(list(dict.fromkeys(versions)))
        return [self._of(records.get(version)) for version in versions]

    def _of(self, record: Record | None) -> Verdict:
        if record is None:
            return Verdict.WANTED
        if record.status == "IN_PROGRESS" and record.lease_until > self.clock():
            return Verdict.BUSY
        if record.recipe != self.recipe:
            return Verdict.WANTED
        if record.status == "REJECTED" and not self.rejected:
            return Verdict.REJECTED
        return Verdict.DONE if record.status == "DONE" else Verdict.WANTED


@dataclass(frozen=True, slots=True)
class Wanted:
    """Judges objects; ``missing`` is None when even what is done is wanted."""

    prefix: str
    changed_since: datetime | None = None
    missing: Missing | None = None

    def judge(self, found: Sequence[Found]) -> Iterator[tuple[Found, Verdict]]:
        """The same objects in the same order, and what becomes of each."""
        verdicts = {one.position: self._alone(one) for one in found}
        asked = [one for one in found if verdicts[one.position] is Verdict.WANTED]
        if self.missing is not None and asked:
            judged = self.missing.judge(asked)
            verdicts |= {one.position: verdict for one, verdict in zip(asked, judged, strict=True)}
        for one in found:
            verdict = verdicts[one.position]
            yield one, (_unreadable(one) or verdict) if verdict is Verdict.WANTED else verdict

    def _alone(self, found: Found) -> Verdict:
        if not found.key.startswith(self.prefix):
            return Verdict.OUTSIDE
        if not found.etag:
            return _unreadable(found) or Verdict.GONE
        if found.key.endswith("/") and found.size == 0:
            return Verdict.FOLDER  # the consumer would ignore it
        if self.changed_since and found.modified and found.modified < self.changed_since:
            return Verdict.OLDER
        return Verdict.WANTED


def _unreadable(found: Found) -> Verdict | None:
    return Verdict[found.unreadable.name] if found.unreadable else None
