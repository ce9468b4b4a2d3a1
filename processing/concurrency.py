"""Requests in parallel, and against other writers: an executor, a lease, and rounds with growing pauses.

Work for several items has ended when the call returns, or raises. Lambda would freeze a thread that is left running,
and its request might take effect long after the lease. So a failure waits for the work that had begun, too: several
parts may have failed, and one error decides.
"""

import random
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol, TypeVar

from processing.errors import Conflict, DarkroomError, LeaseLost, OutOfTime, Rejected, SourceChanged, Unavailable

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 2  # rounds of each operation without a pause: a first refusal only shows that an object exists
PAUSES: Final = 3  # of all the work on one object; 0.7 to 1.4 s together
FIRST_PAUSE: Final = 0.2  # seconds at most, and half of that at least; each is twice the last
DECISIVE: Final = (LeaseLost, SourceChanged, Rejected, Unavailable, Conflict, DarkroomError)


class Executor(Protocol):
    """Runs the work for every item, and returns when all of it has ended."""

    def __call__(self, work: Callable[[T], object], items: Sequence[T], /) -> None: ...


def in_this_thread(work: Callable[[T], object], items: Sequence[T], /) -> None:
    """Run the work for every item in the current thread."""
    for item in items:
        work(item)


@dataclass(frozen=True, slots=True)
class Threads:
    """Runs the work in threads of this call alone: none is left when it returns. Three cost 0.2 ms of CPU.

    Args:
        limit: the most that run in parallel.
    """

    limit: int

    def __call__(self, work: Callable[[T], object], items: Sequence[T], /) -> None:
        """Run the work for every item.

        Raises:
            Exception: the first, by the order of the items, that the work raised; after all have ended.
        """
        if len(items) < 2:
            in_this_thread(work, items)
            return
        with ThreadPoolExecutor(max(1, min(self.limit, len(items)))) as pool:
            running = [pool.submit(work, item) for item in items]
        for each in running:
            each.result()


def results(execute: Executor, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results of the work for every item, in the order of the items.

    Work that has begun when another fails goes on to its end; no more begins.

    Raises:
        Exception: the one that decides (`decisive`), with the others as notes.
    """
    done: dict[int, R] = {}
    failed: dict[int, Exception] = {}

    def attempt(number: int) -> None:
        if failed:
            return
        try:
            done[number] = work(items[number])
        except Exception as error:  # noqa: BLE001 - raised below, when all have ended
            failed[number] = error

    try:
        execute(attempt, range(len(items)))
        if failed:
            raise decisive([failed[number] for number in sorted(failed)])
    finally:
        failed.clear()  # this frame is in the error's traceback: both, and the items, would wait for the collector
    return [done[number] for number in range(len(items))]


def decisive(errors: Sequence[Exception]) -> Exception:
    """The error that decides on work of which several parts failed; the others become its notes.

    A bug comes first: nothing may hide it. Then, in the order of ``DECISIVE``: a lost lease, after which nothing may be
    recorded; a source that changed, for which the work is done again in any case; a fault of the object, which every
    retry would meet; AWS's own code. Of two that are equal, the first.
    """
    chosen = min(errors, key=_rank)
    for other in errors:
        if other is not chosen:
            chosen.add_note(f"another part failed as well: {_described(other)}")
    return chosen


def _rank(error: Exception) -> int:
    return next((rank for rank, kind in enumerate(DECISIVE) if isinstance(error, kind)), -1)


def _described(error: Exception) -> str:
    """With its notes; a bug with its traceback, which includes them."""
    if not isinstance(error, DarkroomError):
        return "".join(traceback.format_exception(error)).rstrip()
    return "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


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

    def for_each(self, execute: Executor, work: Callable[[T, "Lease"], R], items: Sequence[T]) -> list[R]:
        """As `results`; the work for each item has all the pauses that are left, under a lease of its own: threads must
        not share one. Pauses made in parallel count once: as many as the item with the most has made.
        """
        leases = [copy(self) for _ in items]
        try:
            return results(execute, lambda pair: work(*pair), list(zip(items, leases, strict=True)))
        finally:
            self._paused = max([self._paused, *(lease._paused for lease in leases)])

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
