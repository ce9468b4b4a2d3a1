"""Work that is done later, on a few threads that end with the process."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

WORKERS: Final = 8


class Schedule:
    """What is due next; its threads start with the first work that there is."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._started = False

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Have ``work`` done when these seconds are over."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), work))
            self._changed.notify()
            if not self._started:
                self._started = True
                for _ in range(WORKERS):
                    threading.Thread(target=self._do_what_is_due, daemon=True).start()

    def _do_what_is_due(self) -> None:
        while True:
            work = self._next()
            try:
                work()
            except Exception:
                logging.getLogger(__name__).exception("work that was done later failed")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while not self._waiting or self._waiting[0][0] > time.monotonic():
                self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
            return heapq.heappop(self._waiting)[2]
