"""The story of an audit: sources and variants are listed side by side, records read, findings given as they come."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from ops.audit.again import Again
from ops.audit.findings import Finding, Fine, Tally
from ops.audit.judge import Case, Judge
from ops.audit.merge import Merge, Met
from ops.audit.names import Names
from ops.audit.orphans import Orphans
from ops.backfill.sources import Found, chunks
from ops.images import MOST_KEYS, ImagesTable

LOOKS_AT_ONCE: Final = 16
SETTLED: Final = 300  # cases and orphans that are judged together
List = Callable[[str], Iterable[Found]]


@dataclass
class Audit:
    """One audit, in memory that does not grow with the number of objects.

    Args:
        sources: the uploads, in the order of their keys.
        list_variants: the objects of the variants bucket below a prefix, in the order of their keys.
        below: the part of the uploads' prefix that is no part of every upload's, and so of the variants' keys.
        again: renders a sample of the objects that nothing is wrong with, when all have been looked at.
    """

    uploads_bucket: str
    sources: Iterable[Found]
    list_variants: List
    below: str
    names: Names
    table: ImagesTable
    judge: Judge
    orphans: Orphans
    again: Again
    tally: Tally = field(default_factory=Tally)

    def run(self) -> Iterator[Finding]:
        """Every finding; the tally is right when they are all taken."""
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as threads:
            for settled in chunks(self._settled(), SETTLED):
                yield from self._judged(settled, threads)
        for verdict in self.again.findings():
            self.tally.rendered += 1
            yield from self._counted(verdict)

    def _settled(self) -> Iterator[Case | str]:
        """Sources whose variants were all met, and keys of variants that no source stands behind."""
        merges = {name: self._merge(name) for name in self.names.formats}
        for chunk in chunks(self.sources, MOST_KEYS):
            versions = [(f"{self.uploads_bucket}/{one.key}", one.etag) for one in chunk]
            records = self.table.read(versions)
            for source, version in zip(chunk, versions, strict=True):
                yield from self._next(Case(source, records.get(version)), merges)
        for merge in merges.values():
            yield from _met(merge.finish())

    def _merge(self, name: str) -> Merge[Case, Found]:
        return Merge((one.key, one) for one in self.list_variants(f"{name}/{self.below}"))

    def _next(self, case: Case, merges: Mapping[str, Merge[Case, Found]]) -> Iterator[Case | str]:
        """What is settled once the next source is known."""
        for name, merge in merges.items():
            yield from _met(merge.settle(self.names.bare(case.source.key, name)))
        for name, merge in merges.items():
            if (key := self.names.of(case.source.key, name)) is not None:
                case.open += 1
                merge.want(key, case)
        if not case.open:
            yield case  # its key can have no variants

    def _judged(self, settled: Sequence[Case | str], threads: ThreadPoolExecutor) -> Iterator[Finding]:
        cases = [one for one in settled if isinstance(one, Case)]
        orphans = [one for one in settled if isinstance(one, str)]
        self.tally.objects += len(cases)
        self.tally.variants += len(orphans) + sum(case.there for case in cases)
        for case, verdict in zip(cases, threads.map(self.judge.of, cases), strict=True):
            yield from self._counted(verdict)
            if not verdict and not case.source.unreadable:
                self.again.sample.offer(case)  # done, with nothing wrong that can be seen without rendering
        for finding in threads.map(self.orphans.judge, orphans):
            yield from self._counted([finding] if finding else [])

    def _counted(self, verdict: list[Finding] | Fine) -> list[Finding]:
        if isinstance(verdict, Fine):
            self.tally.fine[verdict] += 1
            return []
        self.tally.found.update(finding.kind for finding in verdict)
        return verdict


def _met(mets: Iterable[Met[Case, Found]]) -> Iterator[Case | str]:
    """Note what was met of each case; those of which it was the last, and the keys that nobody wants."""
    for met in mets:
        if met.wanted is None:
            yield met.key
            continue
        case = met.wanted
        case.variants[met.key.split("/", 1)[0]] = (met.key, met.there)
        case.open -= 1
        if not case.open:
            yield case
