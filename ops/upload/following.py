"""The ends of what was uploaded, from the images table.

::

    record                                     end
    DONE, SUPERSEDED, REMOVED, REJECTED        that
    given up                                   failed: its message is a dead letter
    any other, or none                         none yet; "left" when nothing new has come for too long
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ops.images import MOST_KEYS, Record, is_given_up
from processing.ledger import Status

Version = tuple[str, str]
"""An object ("bucket/key") and its ETag."""

PAUSE: Final = 0.1  # seconds between two looks that found nothing new
GOOD: Final = ("done", "superseded", "removed")
OPEN: Final = "left"
FINAL: Final = (Status.DONE, Status.SUPERSEDED, Status.REMOVED, Status.REJECTED)


class Table(Protocol):
    """Where the records are."""

    def read(self, versions: Sequence[Version]) -> dict[Version, Record]: ...


@dataclass(frozen=True, slots=True)
class End:
    """How a version ended: a status in small letters, or "left"; ``cause`` says of what, where it failed."""

    name: str
    cause: str = ""

    @property
    def is_good(self) -> bool:
        return self.name in GOOD


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows versions to their ends.

    Args:
        give_up_after: seconds without anything new after which the rest is left.
        pause: waits that many seconds; the clock is in seconds.
        now: seconds since the epoch.
    """

    table: Table
    give_up_after: float
    clock: Callable[[], float]
    pause: Callable[[float], None]
    on_end: Callable[[Version], None] = lambda _version: None
    now: Callable[[], float] = time.time

    def follow(self, versions: Iterable[Version]) -> dict[Version, End]:
        """The end of each."""
        pending, ends, news = deque(versions), dict[Version, End](), self.clock()
        while pending and self.clock() - news <= self.give_up_after:
            ended = self._look(pending)
            ends |= ended
            if ended:
                news = self.clock()
            else:
                self.pause(PAUSE)
        return ends | {version: End(OPEN) for version in pending}

    def _look(self, pending: deque[Version]) -> dict[Version, End]:
        """Ask for those that were not asked for the longest, as many as one request takes."""
        asked = [pending.popleft() for _ in range(min(len(pending), MOST_KEYS))]
        records, ended = self.table.read(asked), {}
        for version in asked:
            end = self._end(records.get(version))
            if end is None:
                pending.append(version)
            else:
                ended[version] = end
                self.on_end(version)
        return ended

    def _end(self, record: Record | None) -> End | None:
        if record is None:
            return None
        if is_given_up(record, now=self.now()):
            return End("failed", record.cause)
        return End(record.status.lower(), record.cause) if record.status in FINAL else None
