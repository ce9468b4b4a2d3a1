"""Work in a few threads, and a wait for it that can be ended."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from ops.cli.follow import PAUSE

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, until: Callable[[], bool]
) -> Iterator[tuple[Item, Result]]:
    """Each item with what became of it, in their order; at ``until`` those that are ready, and no other begins.

    What runs then is not waited for: a thread may still be at it behind the last result.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        for item, future in [(item, pool.submit(work, item)) for item in items]:
            comes_to_an_end(future, until)
            if until():
                pool.shutdown(wait=False, cancel_futures=True)
            if future.done() and not future.cancelled():
                yield item, future.result()
    finally:
        pool.shutdown(wait=not until(), cancel_futures=True)


def comes_to_an_end(future: Future[Any], until: Callable[[], bool]) -> bool:
    """Wait for a future, but no longer than ``until``; whether it has ended."""
    while not future.done() and not until():
        wait([future], PAUSE)
    return future.done()
