"""Which of the objects that were found have to be processed, and the requests that takes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from ops.cli.backfill.sources import ListedObject
from ops.cli.costs.requests import Requests, first_upload, rebuilt, repeated
from ops.cli.item_size import ItemSizes
from ops.cli.recipes import VariantPlan
from processing.ledger import ImagesTable, Phase, Record, Status, Version


class Decision(StrEnum):
    """What is done with an object, as it is counted."""

    WANTED = "wanted"
    DONE = "done already"
    REJECTED = "rejected already"
    BUSY = "being worked on"
    OLDER = "not changed since"
    GONE = "no longer there"
    ARCHIVED = "archived"
    CUSTOMER_KEY = "under a customer's key"
    OUTSIDE = "outside the prefix"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Records:
    """Reads the records of objects in the uploads bucket."""

    table: ImagesTable
    bucket: str

    def of(self, found: Sequence[ListedObject]) -> list[Record | None]:
        """The record of each, in the same order."""
        versions = [Version(self.bucket, one.key, one.etag) for one in found]
        records = self.table.read(versions)
        return [records.get(version) for version in versions]


@dataclass(frozen=True, slots=True)
class Missing:
    """Wants what has variants to make.

    Args:
        rejected: whether what was rejected is tried again.
        clock: seconds since the epoch.
    """

    plan: VariantPlan
    rejected: bool
    clock: Callable[[], float]

    def decide(self, record: Record | None) -> Decision:
        """What to do with an object that has this record."""
        if record is None:
            return Decision.WANTED
        match phase := record.phase(self.clock()):
            case Phase.WORKING:
                return Decision.BUSY
            case Phase.REJECTED:
                return Decision.WANTED if self.rejected else Decision.REJECTED
            case Phase.DONE:
                return Decision.WANTED if self.plan.to_make(record) else Decision.DONE
            case Phase.NOT_STARTED | Phase.INTERRUPTED | Phase.RETRYING | Phase.DEAD | Phase.SUPERSEDED | Phase.REMOVED:
                return Decision.WANTED
            case _:
                assert_never(phase)


@dataclass(frozen=True, slots=True)
class Judged:
    """An object, and what is done with it; ``record`` only where records are read."""

    found: ListedObject
    decision: Decision
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Judges objects.

    Args:
        records: None where no record is needed.
        missing: None when even what is done is wanted; needs ``records``.
    """

    plan: VariantPlan
    prefix: str
    changed_since: datetime | None = None
    records: Records | None = None
    missing: Missing | None = None

    def judge(self, found: Sequence[ListedObject]) -> Iterator[Judged]:
        """The same objects in the same order."""
        decisions = [self._without_record(one) for one in found]
        asked = [one for one, decision in zip(found, decisions, strict=True) if decision is Decision.WANTED]
        records = iter(self.records.of(asked) if self.records and asked else [None] * len(asked))
        for one, decision in zip(found, decisions, strict=True):
            if decision is not Decision.WANTED:
                yield Judged(one, decision)
                continue
            record = next(records)
            decision = self.missing.decide(record) if self.missing else decision
            yield Judged(one, (_unreadable(one) or decision) if decision is Decision.WANTED else decision, record)

    def _without_record(self, found: ListedObject) -> Decision:
        if not found.key.startswith(self.prefix):
            return Decision.OUTSIDE
        if not found.etag:
            return _unreadable(found) or Decision.GONE
        if self.plan.ignores(found.key, found.size):
            return Decision.IGNORED
        if self.changed_since and found.modified and found.modified < self.changed_since:
            return Decision.OLDER
        return Decision.WANTED


def requests_for(key: str, record: Record | None, sizes: ItemSizes) -> Requests:
    """What the consumer requests of S3 and DynamoDB when it is sent an object with this record."""
    plan, units = sizes.plan, sizes.units(len(key.encode()))
    every = len(plan.recipe.variants)
    if record is None:
        return first_upload(every, units=units)
    match record.status:
        case Status.DONE:
            variants = len(plan.to_make(record))
            if not variants:
                return repeated(every, units=units)
            return rebuilt(variants, known=plan.known(record), done=True, units=units)
        case Status.IN_PROGRESS | Status.REJECTED | Status.FAILED | Status.SUPERSEDED | Status.REMOVED:
            return rebuilt(every, known=plan.known(record), done=False, units=units)
        case _:
            assert_never(record.status)


def _unreadable(found: ListedObject) -> Decision | None:
    return Decision[found.unreadable.name] if found.unreadable else None
