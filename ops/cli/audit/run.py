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
List = Callable[[str, str], Iterable[ListedObject]]


@dataclass
class Audit:
    """One audit, in memory that does not grow with the number of objects.

    Args:
        sources: the uploads, in the order of their keys.
        list_variants: the objects of the variants bucket below a prefix, from behind a key, in the order of their keys.
        below: the part of the uploads' prefix that is no part of every upload's, and so of the variants' keys.
        rerender: renders a sample of the objects that nothing else is wrong with, at the end.
        after: the source behind which ``sources`` begin; empty for all.
        on_settled: called with a source when every finding up to it has been taken, and none of what is behind it.
    """

    sources: Iterable[ListedObject]
    list_variants: List
    below: str
    names: Names
    records: Records
    judge: Judge
    orphans: OrphanJudge
    rerender: Rerender
    after: str = ""
    on_settled: Callable[[str], object] = lambda _after: None
    totals: AuditTotals = field(default_factory=AuditTotals)
    _position: "_Position" = field(init=False)

    def __post_init__(self) -> None:
        self._position = _Position(self.after, self.names)

    def run(self) -> Iterator[Finding]:
        """Every finding; the totals are complete when all have been taken."""
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            for settled in chunks(self._settled(), SETTLED):
                yield from self._judged(settled, threads)
                if self._position.is_clean:
                    self.on_settled(self._position.settled)
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
            yield from self._met(merge.finish())

    def _merge(self, name: str) -> Merge[AuditedObject, ListedObject]:
        after = self.names.bare(self.after, name) if self.after else ""
        return Merge((one.key, one) for one in self.list_variants(f"{name}/{self.below}", after))

    def _next(
        self, case: AuditedObject, merges: Mapping[str, Merge[AuditedObject, ListedObject]]
    ) -> Iterator[AuditedObject | str]:
        """What is settled once the next source is known."""
        for name, merge in merges.items():
            yield from self._met(merge.settle(self.names.bare(case.source.key, name)))
        for name, merge in merges.items():
            if (key := self.names.of(case.source.key, name)) is not None:
                case.open += 1
                merge.want(key, case)
        if case.open:
            self._position.open(case.source.key)
        else:
            self._position.reach(self.names.bare(case.source.key, ""))
            yield case  # its key can have no variants

    def _met(self, mets: Iterable[Met[AuditedObject, ListedObject]]) -> Iterator[AuditedObject | str]:
        """Add what was met to its case; returns the complete cases, and the keys that no source has."""
        for met in mets:
            if met.wanted is None:
                self._position.reach("/" + met.key.split("/", 1)[1])
                yield met.key
                continue
            case = met.wanted
            case.variants[met.key.split("/", 1)[0]] = (met.key, met.there)
            case.open -= 1
            if not case.open:
                self._position.close(case.source.key)
                self._position.reach(self.names.bare(case.source.key, ""))
                yield case

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


class _Position:
    """The last source such that it and all before it are settled, and every variant up to its bare name as well.

    Sources settle almost in order (`Merge`): those that still wait are few, and the first of them holds it back. One
    that can have no variants does not move it, since the variants below its name may not have been met. It is clean
    when nothing behind it is settled yet, neither a source nor a variant without one: resumed there, an audit finds
    nothing for the second time.
    """

    def __init__(self, after: str, names: Names) -> None:
        self._names = names
        self._last = after
        self._open: dict[str, str] = {}  # each that waits, to the one before it
        self._furthest = ""  # the greatest bare name of what is settled

    @property
    def settled(self) -> str:
        return next(iter(self._open.values()), self._last)

    @property
    def is_clean(self) -> bool:
        settled = self.settled
        return bool(settled) and self._furthest <= self._names.bare(settled, "")

    def open(self, key: str) -> None:
        self._open[key] = self._last
        self._last = key

    def close(self, key: str) -> None:
        del self._open[key]

    def reach(self, bare: str) -> None:
        """Something of this bare name is settled."""
        self._furthest = max(self._furthest, bare)
