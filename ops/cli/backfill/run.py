"""A backfill: objects are found, judged and sent, and a checkpoint keeps how far it is."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ops.cli.backfill.sending import Send
from ops.cli.backfill.sources import ListedObject, chunks
from ops.cli.backfill.wanted import Decision, Wanted, requests_for
from ops.cli.checkpoint import Checkpoint
from ops.cli.costs.requests import Requests
from ops.cli.item_size import ItemSizes
from ops.cli.queues import MAX_ENTRIES, NotSent
from processing.ledger.table import MOST_KEYS


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """Everything up to ``after``, a position of the source, is done."""

    after: str = ""
    examined: int = 0
    sent: int = 0


@dataclass
class BackfillTotals:
    """What was done; ``refused`` has what SQS did not take, with the reason."""

    decisions: Counter[Decision] = field(default_factory=Counter)
    size: int = 0  # bytes of what was sent
    sent: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass
class Backfill:
    """Sends what is wanted; a run that ended in any way is resumed from its checkpoint.

    Args:
        report: called with the totals whenever something was done.
    """

    wanted: Wanted
    send: Send
    checkpoint: Checkpoint[BackfillProgress]
    report: Callable[[BackfillTotals], None] = lambda _totals: None

    def run(self, found: Iterable[ListedObject], start: BackfillProgress) -> BackfillTotals:
        """Process all that is found behind ``start``; ends at the first messages that SQS refuses."""
        totals, progress = BackfillTotals(), start
        try:
            for chunk in chunks(found, MOST_KEYS):
                progress = self._process(chunk, totals, progress)
        except NotSent:
            return totals  # the checkpoint stands before what was refused
        self.checkpoint.remove()
        return totals

    def _process(
        self, chunk: Sequence[ListedObject], totals: BackfillTotals, progress: BackfillProgress
    ) -> BackfillProgress:
        judged = list(self.wanted.judge(chunk))
        wanted = (one.found for one in judged if one.decision is Decision.WANTED)
        for batch in chunks(wanted, MAX_ENTRIES):
            self._send(batch, totals)
            progress = replace(progress, after=batch[-1].position, sent=progress.sent + len(batch))
            self.checkpoint.write(progress)
            self.report(totals)
        totals.decisions.update(one.decision for one in judged)
        progress = replace(progress, after=chunk[-1].position, examined=progress.examined + len(chunk))
        self.checkpoint.write(progress)
        self.report(totals)
        return progress

    def _send(self, batch: Sequence[ListedObject], totals: BackfillTotals) -> None:
        try:
            self.send(batch)
        except NotSent as error:
            totals.refused = {batch[at].key: why for at, why in error.refused.items()}
            totals.sent += len(batch) - len(error.refused)
            raise
        totals.sent += len(batch)
        totals.size += sum(one.size for one in batch)


def planned(
    wanted: Wanted, found: Iterable[ListedObject], sizes: ItemSizes, totals: BackfillTotals
) -> Iterator[tuple[int, Requests]]:
    """The size and the requests of each object that would be sent, counted on the way."""
    for chunk in chunks(found, MOST_KEYS):
        for one in wanted.judge(chunk):
            totals.decisions[one.decision] += 1
            if one.decision is Decision.WANTED:
                totals.size += one.found.size
                yield one.found.size, requests_for(one.found.key, one.record, sizes)
