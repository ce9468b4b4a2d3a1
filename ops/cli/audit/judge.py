"""What is wrong with one source, and with a variant that has no source in the listing."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, assert_never

from ops.cli.audit.keys import Names
from ops.cli.backfill.sources import ListedObject
from ops.cli.recipes import VariantPlan, VariantState
from processing.ledger import ImagesTable, Phase, Record, Status, Version
from processing.storage.objects import Published, head

NOTIFIED: Final = 10.0  # seconds within which S3 usually sends the notification of an upload


class FindingKind(StrEnum):
    """What is wrong."""

    MISSING = "missing variant"
    STALE = "stale variant"
    ORPHAN = "orphaned variant"
    LEFTOVER = "variant of another format"
    NO_RECORD = "no record"
    NOT_DONE = "not done"
    OUTDATED = "outdated"
    WRONG = "wrong picture"
    NOT_RENDERED = "cannot be rendered again"


class Fine(StrEnum):
    """What is neither wrong nor a finished image."""

    REJECTED = "rejected"
    PENDING = "in progress"
    RETRYING = "failed and waiting for a retry"
    IGNORED = "ignored"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with a source, or with a variant under its own key in the variants bucket.

    Args:
        source: where a message repairs it.
        etag: of the variant, where a DELETE repairs it.
    """

    kind: FindingKind
    key: str
    detail: str = ""
    source: ListedObject | None = None
    etag: str = ""


@dataclass
class AuditTotals:
    """What was examined, and what was found."""

    objects: int = 0
    variants: int = 0
    rendered: int = 0  # objects, again
    found: Counter[FindingKind] = field(default_factory=Counter)
    fine: Counter[Fine] = field(default_factory=Counter)


@dataclass
class AuditedObject:
    """A source, its record if it has one, and of each variant its key and what the listing has of it."""

    source: ListedObject
    record: Record | None
    variants: dict[str, tuple[str, ListedObject | None]] = field(default_factory=dict)
    open: int = 0  # variants that were not met yet

    @property
    def there(self) -> int:
        """How many variants are there."""
        return sum(there is not None for _, there in self.variants.values())


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges sources; sends a HEAD for a variant only where the listing and the record do not agree on it.

    Args:
        grace: seconds for which an upload may be waiting in a queue.
        queued: whether the queue holds messages.
        deep: whether every variant gets a HEAD.
        clock: seconds since the epoch.
    """

    s3: Any
    variants_bucket: str
    plan: VariantPlan
    grace: float
    queued: bool
    deep: bool
    clock: Callable[[], float]

    def of(self, case: AuditedObject) -> list[Finding] | Fine:
        """Everything that is wrong, the record first; or why there is nothing to expect."""
        source, record = case.source, case.record
        if self.plan.ignores(source.key, source.size):
            return Fine.IGNORED
        outdated = self.plan.to_make(record) if record and record.status is Status.DONE else []
        wrong = self._record(source, record, outdated)
        if isinstance(wrong, Fine):
            return wrong
        if wrong is None:
            return list(self._variants(case))
        if source.unreadable:
            return Fine.ARCHIVED  # nothing can be made of it before it is restored
        if not outdated and self._may_be_queued(source) and not self._is_dead(record):
            return self._pending(record)
        return [wrong, *self._variants(case, leave_out=outdated)]

    def _record(self, source: ListedObject, record: Record | None, outdated: list[str]) -> Finding | Fine | None:
        if record is None:
            return Finding(FindingKind.NO_RECORD, source.key, source=source)
        match phase := record.phase(self.clock()):
            case Phase.REJECTED:
                return Fine.REJECTED  # as it should be, and older pictures stay
            case Phase.WORKING:
                return Fine.ARCHIVED if source.unreadable else Fine.PENDING
            case Phase.DONE:
                detail = ", ".join(outdated)
                return Finding(FindingKind.OUTDATED, source.key, detail, source) if outdated else None
            case Phase.NOT_STARTED | Phase.INTERRUPTED | Phase.RETRYING | Phase.DEAD | Phase.SUPERSEDED | Phase.REMOVED:
                why = f": {record.cause}: {record.message}" if record.cause else ""
                return Finding(FindingKind.NOT_DONE, source.key, f"{record.status}{why}", source)
            case _:
                assert_never(phase)

    def _is_dead(self, record: Record | None) -> bool:
        """Whether its message is in the dead-letter queue, so that nothing waits for it."""
        return record is not None and record.phase(self.clock()) is Phase.DEAD

    def _pending(self, record: Record | None) -> Fine:
        has_failed = record is not None and record.phase(self.clock()) in (Phase.RETRYING, Phase.INTERRUPTED)
        return Fine.RETRYING if has_failed else Fine.PENDING

    def _may_be_queued(self, source: ListedObject) -> bool:
        age = self.clock() - (source.modified.timestamp() if source.modified else 0)
        return age < (self.grace if self.queued else NOTIFIED)

    def _variants(self, case: AuditedObject, leave_out: list[str] | None = None) -> Iterator[Finding]:
        for name, (key, there) in case.variants.items():
            if name in (leave_out or ()):
                continue
            if there is not None and not self.deep and not _is_suspect(case, name, there):
                continue
            answer = head(self.s3, self.variants_bucket, key)  # the listing may be older than the record
            seen = Published.of(answer["ETag"], answer["Metadata"]) if answer else None
            finding = self._variant(case, name, key, seen)
            if finding is not None:
                yield finding

    def _variant(self, case: AuditedObject, name: str, key: str, seen: Published | None) -> Finding | None:
        source = case.source
        match state := self.plan.state(name, seen, key=source.key, etag=source.etag, record=case.record):
            case VariantState.THERE:
                return None
            case VariantState.MISSING:
                return Finding(FindingKind.MISSING, key, source=source)
            case VariantState.OTHER_VERSION:
                of = (seen and seen.source_etag) or "unknown"
                return Finding(FindingKind.STALE, key, f"made of version {of}, not {source.etag}", source)
            case VariantState.OUTDATED:
                return Finding(FindingKind.STALE, key, "made with other settings than the current recipe's", source)
            case _:
                assert_never(state)


@dataclass(frozen=True, slots=True)
class OrphanJudge:
    """Judges variants that have no source in the listing. Listings grow old: so each is requested anew."""

    s3: Any
    uploads_bucket: str
    variants_bucket: str
    names: Names
    table: ImagesTable
    plan: VariantPlan

    def of(self, key: str) -> Finding | None:
        """What is wrong; None when it is gone, or its source has been uploaded meanwhile."""
        now = head(self.s3, self.variants_bucket, key)
        source = self.names.source(key)
        if now is None or (source is not None and self._source(source) is not None):
            return None
        for older in self.names.older_sources(key):
            if (found := self._source(older)) is not None:
                done = self._is_done(older, found["ETag"])
                detail = f"of {older}" + ("" if done else ", which is not done with the current recipe yet")
                return Finding(FindingKind.LEFTOVER, key, detail, etag=now["ETag"] if done else "")
        detail = f"no {source}" if source else "the key of no possible source"
        return Finding(FindingKind.ORPHAN, key, detail, etag=now["ETag"])

    def _source(self, key: str) -> Mapping[str, Any] | None:
        return head(self.s3, self.uploads_bucket, key)

    def _is_done(self, key: str, etag: str) -> bool:
        version = Version(self.uploads_bucket, key, etag)
        record = self.table.read([version]).get(version)
        return record is not None and record.status is Status.DONE and not self.plan.to_make(record)


def _is_suspect(case: AuditedObject, name: str, there: ListedObject) -> bool:
    """Whether it is older than its source, or of another size than the record has."""
    if case.source.modified and there.modified and there.modified < case.source.modified:
        return True
    known = {variant.name: variant.bytes for variant in case.record.variants} if case.record else {}
    return name in known and known[name] != there.size
