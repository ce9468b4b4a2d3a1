"""What is wrong with one source, from its record, and from the variants of it that are there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ops.audit.findings import Finding, Fine, Kind
from ops.backfill.sources import Found
from ops.heads import head
from ops.images import Record
from processing.store import RECIPE, SOURCE_ETAG

NOTIFIED: Final = 10.0  # seconds by which S3 has told the queue of an upload, as a rule


@dataclass
class Case:
    """A source, its record if it has one, and of each variant its key and what the listing shows of it."""

    source: Found
    record: Record | None
    variants: dict[str, tuple[str, Found | None]] = field(default_factory=dict)
    open: int = 0  # variants that were not met yet

    @property
    def there(self) -> int:
        """How many variants are there."""
        return sum(there is not None for _, there in self.variants.values())


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges sources; looks at a variant itself only where the listing and the record do not agree on it.

    Args:
        recipe: the fingerprint of today's recipe.
        grace: seconds for which an upload may be waiting in a queue.
        queued: whether the queue holds messages.
        deep: whether every variant is looked at.
        clock: seconds since the epoch.
    """

    s3: Any
    variants_bucket: str
    recipe: str
    grace: float
    queued: bool
    deep: bool
    clock: Callable[[], float]

    def of(self, case: Case) -> list[Finding] | Fine:
        """Everything that is wrong, the record first; or why nothing is to be expected."""
        if case.source.key.endswith("/") and case.source.size == 0:
            return Fine.FOLDER
        if case.record is not None and case.record.status == "REJECTED":
            return Fine.REJECTED  # as it should be, and older pictures stay
        wrong = self._record(case)
        if wrong is None:
            return list(self._variants(case))
        if case.source.unreadable:
            return Fine.ARCHIVED  # nothing can be made of it before it is restored
        if wrong.kind is Kind.OUTDATED:
            return [wrong]  # and so are all its variants
        if self._is_on_its_way(case):
            return Fine.PENDING
        return [wrong, *self._variants(case)]

    def _record(self, case: Case) -> Finding | None:
        source, record = case.source, case.record
        if record is None:
            return Finding(Kind.NO_RECORD, source.key, source=source)
        if record.status == "DONE":
            if record.recipe == self.recipe:
                return None
            return Finding(Kind.OUTDATED, source.key, f"recipe {record.recipe}", source)
        why = f": {record.cause}: {record.message}" if record.cause else ""
        return Finding(Kind.NOT_DONE, source.key, f"{record.status}{why}", source)

    def _is_on_its_way(self, case: Case) -> bool:
        if case.record is not None and case.record.lease_until > self.clock():
            return True  # somebody holds it
        age = self.clock() - (case.source.modified.timestamp() if case.source.modified else 0)
        return age < (self.grace if self.queued else NOTIFIED)

    def _variants(self, case: Case) -> Iterator[Finding]:
        for name, (key, there) in case.variants.items():
            if there is not None and not self.deep and not _is_suspect(case, name, there):
                continue
            now = head(self.s3, self.variants_bucket, key)  # the listing may be older than the record
            if now is None:
                yield Finding(Kind.MISSING, key, source=case.source)
            elif wrong := self._staleness(case, now["Metadata"]):
                yield Finding(Kind.STALE, key, wrong, case.source)

    def _staleness(self, case: Case, metadata: Mapping[str, str]) -> str:
        if metadata.get(SOURCE_ETAG) != case.source.etag:
            return f"made of version {metadata.get(SOURCE_ETAG, 'unknown')}, not {case.source.etag}"
        if metadata.get(RECIPE) != self.recipe:
            return f"made by recipe {metadata.get(RECIPE, 'unknown')}, not {self.recipe}"
        return ""


def _is_suspect(case: Case, name: str, there: Found) -> bool:
    """Whether it is older than its source, or of another size than the record has of it."""
    if case.source.modified and there.modified and there.modified < case.source.modified:
        return True
    known = {variant.name: variant.bytes for variant in case.record.variants} if case.record else {}
    return name in known and known[name] != there.size
