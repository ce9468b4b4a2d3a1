"""An audit: sources and variants are listed side by side, records read, findings returned as they come."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from ops.cli.audit.judge import AuditedObject, AuditTotals, Finding, Fine, Judge, OrphanJudge
from ops.cli.audit.keys import Merge, Met, Names
from ops.cli.audit.rerender import Rerender
from ops.cli.backfill.sources import ListedObject, chunks
from ops.cli.backfill.wanted import Records
from processing.ledger.table import MOST_KEYS

HEADS_AT_ONCE: Final = 16
SETTLED: Final = 300  # cases and orphans that are judged together
List = Callable[[str], Iterable[ListedObject]]


@dataclass
class Audit:
    """One audit, in memory that does not grow with the number of objects.

    Args:
        sources: the uploads, in the order of their keys.
        list_variants: the objects of the variants bucket below a prefix, in the order of their keys.
        below: the part of the uploads' prefix that is no part of every upload's, and so of the variants' keys.
        rerender: renders a sample of the objects that nothing else is wrong with, at the end.
    """

    sources: Iterable[ListedObject]
    list_variants: List
    below: str
    names: Names
    records: Records
    judge: Judge
    orphans: OrphanJudge
    rerender: Rerender
    totals: AuditTotals = field(default_factory=AuditTotals)

    def run(self) -> Iterator[Finding]:
        """Every finding; the totals are complete when all have been taken."""
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            for settled in chunks(self._settled(), SETTLED):
                yield from self._judged(settled, threads)
        for verdict in self.rerender.findings():
            self.totals.rendered += 1
            yield from self._counted(verdict)

    def _settled(self) -> Iterator[AuditedObject | str]:
        """Sources whose variants were all met, and keys of variants that have no source."""
        merges = {name: self._merge(name) for name in self.names.formats}
        for chunk in chunks(self.sources, MOST_KEYS):
            for source, record in zip(chunk, self.records.of(chunk), strict=True):
                yield from self._next(AuditedObject(source, record), merges)
        for merge in merges.values():
            yield from _met(merge.finish())

    def _merge(self, name: str) -> Merge[AuditedObject, ListedObject]:
        return Merge((one.key, one) for one in self.list_variants(f"{name}/{self.below}"))

    def _next(
        self, case: AuditedObject, merges: Mapping[str, Merge[AuditedObject, ListedObject]]
    ) -> Iterator[AuditedObject | str]:
        """What is settled once the next source is known."""
        for name, merge in merges.items():
            yield from _met(merge.settle(self.names.bare(case.source.key, name)))
        for name, merge in merges.items():
            if (key := self.names.of(case.source.key, name)) is not None:
                case.open += 1
                merge.want(key, case)
        if not case.open:
            yield case  # its key can have no variants

    def _judged(self, settled: Sequence[AuditedObject | str], threads: ThreadPoolExecutor) -> Iterator[Finding]:
        cases = [one for one in settled if isinstance(one, AuditedObject)]
        orphans = [one for one in settled if isinstance(one, str)]
        self.totals.objects += len(cases)
        self.totals.variants += len(orphans) + sum(case.there for case in cases)
        for case, verdict in zip(cases, threads.map(self.judge.of, cases), strict=True):
            yield from self._counted(verdict)
            if not verdict and not case.source.unreadable:
                self.rerender.sample.offer(case)  # done, with nothing wrong that can be seen without rendering
        for finding in threads.map(self.orphans.of, orphans):
            yield from self._counted([finding] if finding else [])

    def _counted(self, verdict: list[Finding] | Fine) -> list[Finding]:
        if isinstance(verdict, Fine):
            self.totals.fine[verdict] += 1
            return []
        self.totals.found.update(finding.kind for finding in verdict)
        return verdict


def _met(mets: Iterable[Met[AuditedObject, ListedObject]]) -> Iterator[AuditedObject | str]:
    """Add what was met to its case; returns the complete cases, and the keys that no source has."""
    for met in mets:
        if met.wanted is None:
            yield met.key
            continue
        case = met.wanted
        case.variants[met.key.split("/", 1)[0]] = (met.key, met.there)
        case.open -= 1
        if not case.open:
            yield case
