"""A rate that is held: what was granted late is made up for, what was lost to a long stand is not."""

import time
from collections.abc import Callable

MADE_UP = 2.0  # seconds; a longer stand is no reason to send everything that was due at once


class Pace:
    """Grants so many a second; with no rate, at once.

    Args:
        clock, pause: of seconds.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._pause = pause
        self._due: float | None = None

    @property
    def step(self) -> int:
        """How many to ask for at once, so that a low rate comes evenly."""
        return 10 if self._rate is None else max(1, min(10, int(self._rate / 2)))

    def wait(self, count: int) -> None:
        """Return when ``count`` more may go."""
        if self._rate is None:
            return
        now = self._clock()
        if self._due is None or now - self._due > MADE_UP:
            self._due = now
        if self._due > now:
            self._pause(self._due - now)
        self._due += count / self._rate
