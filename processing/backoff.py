"""How long and how often a worker may write against other writers: its lease, and rounds with growing pauses."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import count
from typing import Final

from processing.errors import Conflict, OutOfTime

AT_ONCE: Final = 2  # rounds of each operation without a pause: a first refusal only shows that an object exists
PAUSES: Final = 3  # of all the work on one object; 0.7 to 1.4 s together
FIRST_PAUSE: Final = 0.2  # seconds at most, and half of that at least; each is twice the last


@dataclass(frozen=True, slots=True)
class Backoff:
    """The source of pauses."""

    rng: random.Random
    sleep: Callable[[float], None] = time.sleep

    def seconds(self, number: int) -> float:
        """Of the pause with this number, from 0."""
        return FIRST_PAUSE * (1 << number) * self.rng.uniform(0.5, 1)


class Lease:
    """The right of a worker to write the variants of one object until ``until``, by ``clock``; times in seconds.

    Args:
        request_seconds: the longest that one request can take, retries included.
    """

    def __init__(self, until: float, *, clock: Callable[[], float], request_seconds: float, backoff: Backoff) -> None:
        self._until = until
        self._clock = clock
        self._request_seconds = request_seconds
        self._backoff = backoff
        self._paused = 0  # times

    def check(self, pause: float = 0.0) -> None:
        """Raises:
        OutOfTime: a request sent now, or after a pause, could be answered after the lease has ended.
        """
        left = self._until - self._clock() - pause
        if left < self._request_seconds:
            raise OutOfTime(f"the lease ends in {left:.1f} s and a request may take {self._request_seconds:.1f} s")

    def branches(self, number: int) -> list["Lease"]:
        """The same lease for work in parallel, each with all the pauses that are left: threads must not share one."""
        return [copy(self) for _ in range(number)]

    def join(self, branches: Sequence["Lease"]) -> None:
        """Count the pauses of parallel work that has ended: as many as the branch with the most has made."""
        self._paused = max([self._paused, *(branch._paused for branch in branches)])

    def rounds(self, operation: str) -> Iterator[int]:
        """Count the rounds of an operation, from 0, with a pause before the third and later ones; the caller
        leaves the loop when a round succeeds.

        Raises:
            Conflict: all rounds of the operation are over, and all pauses of the work.
            OutOfTime: the lease ends too soon for a pause and a request.
        """
        for number in count():
            if number >= AT_ONCE:
                self._pause(f"{operation}: refused, or superseded, in {number} rounds")
            yield number

    def _pause(self, why: str) -> None:
        if self._paused == PAUSES:
            raise Conflict(why)
        pause = self._backoff.seconds(self._paused)
        self.check(pause)
        self._paused += 1
        self._backoff.sleep(pause)
