"""Follows what was sent to its end, in the images table.

::

    phase of the record          sent for the first time        redriven
    done, superseded, removed    that end                       that end
    rejected, dead               that end                       that end, by a later attempt than before the redrive
    retrying, interrupted        none yet                       failed, if by such an attempt: one is enough to stop
    not started, working         none yet                       none yet
    no record                    none yet                       none yet

What has no end when its queue holds no message any more is dead: its message is in the dead-letter queue. Only the
local stack's queue is ever seen to be empty for certain; elsewhere, what comes to no end is "left" after a while.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, assert_never

from processing.ledger import Phase, Record, Version
from processing.ledger.table import MOST_KEYS

PAUSE: Final = 0.1  # seconds between two requests of which the first found nothing new
Subject = TypeVar("Subject")


class RecordReader(Protocol):
    """Where the records are."""

    def read(self, versions: Iterable[Version]) -> dict[Version, Record]: ...


@dataclass(frozen=True, slots=True)
class End(Generic[Subject]):
    """How something that was followed ended; no ``phase`` means that it has not, and ``record`` is the last known."""

    subject: Subject
    version: Version
    phase: Phase | None
    record: Record | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with the image."""
        return self.phase is not None and self.phase.is_good

    @property
    def has_failed(self) -> bool:
        """Whether an attempt failed for which nobody but an operator sends the message back."""
        return self.phase is not None and not self.phase.is_good

    @property
    def name(self) -> str:
        """For people and programs."""
        if self.phase is None:
            return "left"
        return self.phase.value if self.is_good or self.phase is Phase.REJECTED else "failed"

    @property
    def cause(self) -> str:
        """Of what it failed, as far as the record has it."""
        return self.record.cause if self.record else ""


@dataclass(frozen=True, slots=True)
class _Followed(Generic[Subject]):
    subject: Subject
    version: Version
    attempts_before: int | None


class Follower(Generic[Subject]):
    """Follows any number of versions, each with whatever it stands for.

    Args:
        is_settled: whether the queue holds no message, waiting or in flight.
        check: raises when nothing can come to an end any more.
        on_end: called with each end.
        clock, pause: of seconds; ``now`` is in seconds since the epoch.
    """

    def __init__(
        self,
        table: RecordReader,
        *,
        is_settled: Callable[[], bool] = lambda: False,
        check: Callable[[], None] = lambda: None,
        on_end: Callable[[End[Subject]], object] = lambda _end: None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.good: list[End[Subject]] = []
        self.failed: list[End[Subject]] = []
        self._pending = deque[_Followed[Subject]]()
        self._table = table
        self._is_settled = is_settled
        self._check = check
        self._on_end = on_end
        self._clock = clock
        self._pause = pause
        self._now = now
        self._next_request = 0.0

    @property
    def pending(self) -> int:
        """How many have no end yet."""
        return len(self._pending)

    def waited_for(self, most: int = 3) -> list[Version]:
        """Some of those that have no end yet."""
        return [each.version for each in list(self._pending)[:most]]

    def add(self, subject: Subject, version: Version, *, attempts_before: int | None = None) -> None:
        """Follow this as well; what was redriven, with the number of attempts that the record counted before."""
        self._pending.append(_Followed(subject, version, attempts_before))

    def poll(self) -> None:
        """Find new ends between other work: at most one request in `PAUSE` seconds."""
        if self._pending and self._clock() >= self._next_request:
            self._next_request = self._clock() + PAUSE
            self._find_ends()

    def wait(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Wait for every end, or for ``until``; False when nothing has ended for ``timeout`` seconds."""
        news = self._clock()
        while self._pending and not until():
            if self._find_ends():
                news = self._clock()
            elif self._clock() - news > timeout:
                return False
            else:
                self._pause(PAUSE)
        return True

    def wait_for_all(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> list[End[Subject]]:
        """The same, and every end; those that did not come are among them, without a phase."""
        self.wait(timeout, until=until)
        records = self._table.read([each.version for each in self._pending]) if self._pending else {}
        left = []
        for each in self._pending:
            record = records.get(each.version)
            phase = end_of(record, self._now(), attempts_before=each.attempts_before)
            if phase is None:
                left.append(End(each.subject, each.version, None, record))
            else:
                self._end(End(each.subject, each.version, phase, record))
        return [*self.good, *self.failed, *left]

    def settle(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Wait until the queue holds no message; False when it does after ``timeout`` seconds, or at ``until``."""
        end = self._clock() + timeout
        while not self._is_settled():
            if until() or self._clock() > end:
                return False
            self._check()
            self._pause(PAUSE)
        return True

    def _find_ends(self) -> int:
        """Read the records that were not read for the longest, as many as one request takes; how many have ended."""
        self._check()
        requested = [self._pending.popleft() for _ in range(min(len(self._pending), MOST_KEYS))]
        settled = self._is_settled()  # before the records are read, or one that ends meanwhile would count as dead
        records, ended = self._table.read([each.version for each in requested]), 0
        for each in requested:
            record = records.get(each.version)
            phase = end_of(record, self._now(), attempts_before=each.attempts_before)
            if phase is None and not settled:
                self._pending.append(each)
                continue
            ended += 1
            self._end(End(each.subject, each.version, phase or Phase.DEAD, record))
        return ended

    def _end(self, end: End[Subject]) -> None:
        (self.good if end.is_good else self.failed).append(end)
        self._on_end(end)


def end_of(record: Record | None, now: float, *, attempts_before: int | None = None) -> Phase | None:
    """The phase that is an end, as in the table above; None where there is none yet."""
    if record is None:
        return None
    phase = record.phase(now)
    is_later = attempts_before is None or record.attempts > attempts_before
    match phase:
        case Phase.DONE | Phase.SUPERSEDED | Phase.REMOVED:
            return phase
        case Phase.REJECTED | Phase.DEAD:
            return phase if is_later else None
        case Phase.RETRYING | Phase.INTERRUPTED:
            return phase if is_later and attempts_before is not None else None
        case Phase.NOT_STARTED | Phase.WORKING:
            return None
        case _:
            assert_never(phase)
