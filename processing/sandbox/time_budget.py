"""The time of the invocation under way: what is left of it, and how much of that is promised to which messages."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from processing.errors import NotStarted
from processing.sandbox.capacity import RESERVE, SLOW, rounds

USUAL_TIMEOUT: Final = 250.0  # seconds; what is set aside shrinks with a shorter function, or it would never begin


class TimeBudget:
    """Every message of a batch is promised one try at its image; threads share it.

    Packaging refuses a timeout without room for all of them (`capacity.shortest_timeout`), so a promise is kept unless
    requests are slow. A further try may not take what is promised to others::

        begin                                                          the function's timeout
        |--try--|--try--|--again, alone--|--try--| ... |--try--|-------reserve-------|
                                         '---- promised to the others ----'

    Args:
        try_seconds: the longest a try may take.
        renderers: how many tries there are at once.
        function_timeout: the function's, in seconds.
        without_requests: seconds before an invocation's end in which none is sent any more.
    """

    def __init__(
        self,
        try_seconds: float,
        *,
        renderers: int = 1,
        function_timeout: float = math.inf,
        without_requests: float = 0.0,
    ) -> None:
        self.try_seconds = try_seconds
        self._renderers = renderers
        scale = min(1.0, function_timeout / USUAL_TIMEOUT)
        self._reserve = without_requests + scale * (RESERVE - without_requests)
        self._slow = scale * SLOW
        self._seconds_left: Callable[[], float] = lambda: math.inf
        self._promised = 0  # messages whose first try has not ended
        self._further = 0  # tries under way that were promised to nobody
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def begin(self, seconds_left: Callable[[], float], messages: int) -> None:
        """An invocation has begun, with so many messages."""
        self._seconds_left, self._promised, self._further = seconds_left, messages, 0

    @contextmanager
    def message(self) -> Iterator[None]:
        """Work on one of the messages in this thread; once that ends, nothing is promised to it."""
        self._of_thread.is_promised = True
        try:
            yield
        finally:
            self._keep_promise()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Make a try, from waiting for a renderer to its end: the message's first, which is promised, or a further one.

        Raises:
            NotStarted: a further try would take time that is promised to others.
        """
        if getattr(self._of_thread, "is_promised", False):
            try:
                yield
            finally:
                self._keep_promise()
            return
        with self._lock:
            tries = rounds(self._promised, self._further + 1, self._renderers)
            self._require(tries * self.try_seconds + self._slow)
            self._further += 1
        try:
            yield
        finally:
            with self._lock:
                self._further -= 1

    def check(self, seconds: float | None = None) -> None:
        """Before something is begun that may take so long, or by default a whole try.

        Raises:
            NotStarted: it would leave no time to publish what comes of it.
        """
        self._require(self.try_seconds if seconds is None else seconds)

    def _require(self, seconds: float) -> None:
        left = self._seconds_left()
        if left < seconds + self._reserve:
            raise NotStarted(
                f"{left:.1f} s are left; {seconds:.1f} s, and {self._reserve:.1f} s to publish, are needed"
            )

    def _keep_promise(self) -> None:
        if self._of_thread.is_promised:
            self._of_thread.is_promised = False
            with self._lock:
                self._promised -= 1
