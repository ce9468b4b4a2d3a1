"""What time is left, and what an image takes here: together they decide what is still started."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from processing.errors import NotStarted

FIRST_GUESS: Final = 0.02  # seconds a megabyte of price takes to render, before any was seen: a fifth of a usual CPU
FIRST_REST: Final = 1 / 15  # of the function's time, for fetching, publishing and the ledger, before any was seen
MOST_REST: Final = 1 / 6  # of it: whatever was seen, a new invocation has time to begin, or nothing would be learnt
MARGIN: Final = 2.0  # what is expected is as much more than the slowest of late
FORGET: Final = 0.95  # how much of the slowest is remembered from one image to the next


class Pace:
    """What this environment has seen of images, and the end of the invocation under way; threads share it."""

    def __init__(self, function_timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._most_rest = MOST_REST * function_timeout
        self._seconds_left: Callable[[], float] = lambda: math.inf
        self._a_megabyte = FIRST_GUESS
        self._rest = FIRST_REST * function_timeout
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def begin(self, seconds_left: Callable[[], float]) -> None:
        """An invocation has begun."""
        self._seconds_left = seconds_left

    def seconds_needed(self) -> float:
        """The time that must be left to begin with an object of which nothing is known yet."""
        return MARGIN * self._rest

    def seconds_to_render(self) -> float:
        """The time that is left, less what publishing may take."""
        return self._seconds_left() - self.seconds_needed()

    def allowed(self, seconds: float) -> float:
        """At most so many seconds, and no more than leave time to publish.

        Raises:
            NotStarted: there are none.
        """
        left = self.seconds_to_render()
        if left <= 0:
            raise NotStarted(f"{self._seconds_left():.1f} s are left, and publishing may take that long")
        return min(seconds, left)

    def check(self, megabytes: float, *, at_most: float) -> None:
        """Raises:
        NotStarted: rendering an image of this price, and publishing it, would probably outlast the invocation.
        """
        expected = min(MARGIN * self._a_megabyte * megabytes, at_most)
        if self.seconds_to_render() < expected:
            raise NotStarted(f"{self._seconds_left():.1f} s are left, and rendering alone may take {expected:.1f} s")

    @contextmanager
    def rendering(self, megabytes: float) -> Iterator[None]:
        """Learn from an image of this price; from one that fails there is nothing to learn."""
        start = self._clock()
        yield
        seen = (self._clock() - start) / megabytes
        with self._lock:
            self._a_megabyte = max(FORGET * self._a_megabyte, seen)

    @contextmanager
    def object(self) -> Iterator[None]:
        """Learn what an object takes apart from its rendering."""
        start, self._of_thread.apart = self._clock(), 0.0
        try:
            yield
        finally:
            seen = self._clock() - start - self._of_thread.apart
            with self._lock:
                self._rest = min(max(FORGET * self._rest, seen), self._most_rest)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Rendering, and waiting for it: no part of what `object` learns."""
        start = self._clock()
        try:
            yield
        finally:
            self._of_thread.apart = getattr(self._of_thread, "apart", 0.0) + self._clock() - start
