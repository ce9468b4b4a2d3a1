"""The story of a backfill: objects are found, judged and sent, and how far it has come is written down."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ops.backfill.checkpoint import Checkpoint, Progress
from ops.backfill.sources import Found, chunks
from ops.backfill.wanted import Verdict, Wanted
from ops.images import MOST_KEYS
from ops.queues import MAX_ENTRIES, NotSent

Send = Callable[[Sequence[Found]], None]
CHUNK: Final = MOST_KEYS


@dataclass
class Totals:
    """What came of it; ``refused`` has what SQS did not take, with the reason."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    size: int = 0  # bytes of what was sent
    sent: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass
class Backfill:
    """Sends what is wanted; a run that ended anyhow is gone on with from its checkpoint.

    Args:
        send: sends at most ten, or raises NotSent.
        tell: called with the totals whenever something was done.
    """

    wanted: Wanted
    send: Send
    checkpoint: Checkpoint
    tell: Callable[[Totals], None] = lambda _totals: None

    def run(self, found: Iterable[Found], start: Progress) -> Totals:
        """Deal with all that is found behind ``start``; ends at the first messages that SQS refuses."""
        totals, progress = Totals(), start
        try:
            for chunk in chunks(found, CHUNK):
                progress = self._deal_with(chunk, totals, progress)
        except NotSent:
            return totals  # the checkpoint stands before what was refused
        self.checkpoint.remove()
        return totals

    def _deal_with(self, chunk: Sequence[Found], totals: Totals, progress: Progress) -> Progress:
        judged = list(self.wanted.judge(chunk))
        for batch in chunks((one for one, verdict in judged if verdict is Verdict.WANTED), MAX_ENTRIES):
            self._send(batch, totals)
            progress = replace(progress, after=batch[-1].position, sent=progress.sent + len(batch))
            self.checkpoint.write(progress)
            self.tell(totals)
        totals.verdicts.update(verdict for _, verdict in judged)
        progress = replace(progress, after=chunk[-1].position, looked_at=progress.looked_at + len(chunk))
        self.checkpoint.write(progress)
        self.tell(totals)
        return progress

    def _send(self, batch: Sequence[Found], totals: Totals) -> None:
        try:
            self.send(batch)
        except NotSent as error:
            totals.refused = {batch[at].key: why for at, why in error.refused.items()}
            totals.sent += len(batch) - len(error.refused)
            raise
        totals.sent += len(batch)
        totals.size += sum(one.size for one in batch)


def sizes_of_wanted(wanted: Wanted, found: Iterable[Found], totals: Totals) -> Iterator[int]:
    """The size of each object that would be sent, counted on the way."""
    for chunk in chunks(found, CHUNK):
        for one, verdict in wanted.judge(chunk):
            totals.verdicts[verdict] += 1
            if verdict is Verdict.WANTED:
                totals.size += one.size
                yield one.size
