"""A few rounds against other writers, with pauses that grow; after that the message comes back later."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from processing.errors import Conflict

AT_ONCE: Final = 2  # rounds of each operation: a first refusal is how a writer learns that there is something already
PAUSES: Final = 3  # of all the work on one object; 0.7 to 1.4 s together
FIRST_PAUSE: Final = 0.2  # seconds at most, and half of that at least; each is twice the last


@dataclass(frozen=True, slots=True)
class Backoff:
    """What pauses are made with."""

    rng: random.Random
    sleep: Callable[[float], None] = time.sleep

    def contest(self, check: Callable[[float], None]) -> "Contest":
        """For the work on one object.

        Args:
            check: raises when there is no time for a pause of so many seconds.
        """
        return Contest(self, check)

    def pauses(self) -> Iterator[float]:
        """Seconds."""
        for number in range(PAUSES):
            yield FIRST_PAUSE * 2**number * self.rng.uniform(0.5, 1)


class Contest:
    """The work on one object against other writers."""

    def __init__(self, backoff: Backoff, check: Callable[[float], None]) -> None:
        self._sleep = backoff.sleep
        self._pauses = backoff.pauses()
        self._check = check

    def rounds(self, operation: str) -> Iterator[int]:
        """Count the rounds of an operation, from 0; the caller leaves when one succeeds.

        Raises:
            Conflict: all rounds of the operation are over, and all pauses of the work.
        """
        for number in count():
            if number >= AT_ONCE:
                self._pause(f"{operation}: refused, or overtaken, in {number} rounds")
            yield number

    def _pause(self, why: str) -> None:
        pause = next(self._pauses, None)
        if pause is None:
            raise Conflict(why)
        self._check(pause)
        self._sleep(pause)
