"""Follows letters that were sent again to their ends, in the ledger.

::

    record before    record now                     verdict
    any              DONE, SUPERSEDED, REMOVED      passed
    any              REJECTED, FAILED, and later    failed again: one attempt that failed is enough to stop for
    any              IN_PROGRESS, none, as before   none yet

A letter that names no object of this stage has no record, and its end is never told.
"""

import time
from collections.abc import Callable, Iterable

from ops.dlq.causes import ENDED, Case, Version, read_records
from ops.images import ImagesTable, Record
from processing.ledger import Status

PAUSE = 0.5  # seconds between two looks
MOST = 500  # records in one look


class Watch:
    """What became of the cases it was told of.

    Args:
        clock, pause: of seconds.
    """

    def __init__(
        self,
        table: ImagesTable,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.passed: list[Case] = []
        self.failed_again: list[tuple[Case, Record]] = []
        self.pending: list[Case] = []
        self.never_told: list[Case] = []
        self._table = table
        self._clock = clock
        self._pause = pause
        self._next_look = 0.0

    def add(self, cases: Iterable[Case]) -> None:
        """Follow these as well."""
        for case in cases:
            (self.pending if case.version else self.never_told).append(case)

    def look(self) -> None:
        """See who has come to an end since; asks the ledger at most every half second, and in turns."""
        if self._clock() < self._next_look or not self.pending:
            return
        asked, rest = self.pending[:MOST], self.pending[MOST:]
        records = read_records(self._table, list(dict.fromkeys(case.version for case in asked if case.version)))
        open_still = [case for case in asked if not self._judge(case, records)]
        self.pending = rest + open_still
        self._next_look = self._clock() + PAUSE

    def wait(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Look until everything has come to an end, or ``until``; False when the time is over before."""
        end = self._clock() + timeout
        while self.pending and not until():
            if self._clock() > end:
                return False
            self._pause(PAUSE)
            self.look()
        return True

    def _judge(self, case: Case, records: dict[Version, Record]) -> bool:
        now = records.get(case.version) if case.version else None
        if now is None:
            return False
        if now.status in ENDED:
            self.passed.append(case)
            return True
        if now.status in (Status.REJECTED, Status.FAILED) and now.attempts > (
            case.record.attempts if case.record else 0
        ):
            self.failed_again.append((case, now))
            return True
        return False
