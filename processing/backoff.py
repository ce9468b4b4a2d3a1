"""How long and how often a worker may write against other writers: its lease, and rounds with growing pauses."""

import random
import time
from collections.abc import Callable, Iterator
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

    def pauses(self) -> Iterator[float]:
        """The pauses of all the work on one object, in seconds."""
        for number in range(PAUSES):
            yield FIRST_PAUSE * 2**number * self.rng.uniform(0.5, 1)


class Lease:
    """The right of a worker to write the variants of one object until ``until``, by ``clock``; times in seconds.

    Args:
        request_seconds: the longest that one request can take, retries included.
    """

    def __init__(self, until: float, *, clock: Callable[[], float], request_seconds: float, backoff: Backoff) -> None:
        self._until = until
        self._clock = clock
        self._request_seconds = request_seconds
        self._sleep = backoff.sleep
        self._pauses = backoff.pauses()

    def check(self, pause: float = 0.0) -> None:
        """Raises:
        OutOfTime: a request sent now, or after a pause, could be answered after the lease has ended.
        """
        left = self._until - self._clock() - pause
        if left < self._request_seconds:
            raise OutOfTime(f"the lease ends in {left:.1f} s and a request may take {self._request_seconds:.1f} s")

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
        pause = next(self._pauses, None)
        if pause is None:
            raise Conflict(why)
        self.check(pause)
        self._sleep(pause)
