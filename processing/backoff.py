"""A few rounds against other writers, with pauses that grow; after that the message comes back later."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from processing.errors import Conflict

ROUNDS: Final = 5  # with 0.7 to 1.4 s of pauses in all
FIRST_PAUSE: Final = 0.2  # seconds at most, and half of that at least; each is twice the last


@dataclass(frozen=True, slots=True)
class Backoff:
    """Counts rounds, and pauses between them."""

    rng: random.Random
    sleep: Callable[[float], None] = time.sleep

    def rounds(self, operation: str, check: Callable[[float], None]) -> Iterator[int]:
        """Count the rounds of an operation, from 0; the caller leaves when one succeeds.

        The second round follows at once: a first refusal is how a writer learns that there is something already.

        Args:
            check: raises when there is no time for a pause of so many seconds.

        Raises:
            Conflict: there were ``ROUNDS`` of them.
        """
        for number in range(ROUNDS):
            if number > 1:
                pause = FIRST_PAUSE * 2 ** (number - 2) * self.rng.uniform(0.5, 1)
                check(pause)
                self.sleep(pause)
            yield number
        raise Conflict(f"{operation}: refused, or overtaken, in {ROUNDS} rounds")
