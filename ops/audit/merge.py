"""The variants that should be there against those that are, both in the order of their keys, in bounded memory. Pure.

Sources come in the order of their keys, and their variants almost do: `a` becomes `a.image.webp`, which comes behind
the variant of `a!`. A variant's key is its source's with something behind it, so whatever is below the bare name of
the source that comes next is settled. What waits are names of which that one is a continuation: no more of them than
a key has characters, however many objects there are::

    sources     a        a!1      a!2      b
    waiting     {a.i}    {a.i}    {a.i}    {}        a.i = a.image.webp, behind a!1 and a!2 and before b
    settled                       a!1      a!2, a.i
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Met(Generic[T, E]):
    """A variant's key, for whom it should be there, and what is there; one of the two may be missing."""

    key: str
    wanted: T | None
    there: E | None


class Merge(Generic[T, E]):
    """The variants of one name.

    Args:
        there: what is there, with its key, in the order of the keys.
    """

    def __init__(self, there: Iterator[tuple[str, E]]) -> None:
        self._there = there
        self._next = next(there, None)
        self._waiting: list[tuple[str, int, T]] = []
        self._count = 0

    @property
    def waiting(self) -> int:
        """How many wait for what is there."""
        return len(self._waiting)

    def settle(self, before: str) -> Iterator[Met[T, E]]:
        """Everything that should be below the key ``before``, and all that is there below that."""
        while self._waiting and self._waiting[0][0] < before:
            key, _, wanted = heapq.heappop(self._waiting)
            yield from self._orphans(key)
            if self._next is not None and self._next[0] == key:
                yield Met(key, wanted, self._next[1])
                self._next = next(self._there, None)
            else:
                yield Met(key, wanted, None)

    def want(self, key: str, by: T) -> None:
        """A variant that should be there; every later one, and every `settle`, is of a later source."""
        self._count += 1
        heapq.heappush(self._waiting, (key, self._count, by))

    def finish(self) -> Iterator[Met[T, E]]:
        """The rest: no source comes any more."""
        yield from self.settle("\U0010ffff")
        yield from self._orphans(None)

    def _orphans(self, before: str | None) -> Iterator[Met[T, E]]:
        while self._next is not None and (before is None or self._next[0] < before):
            yield Met(self._next[0], None, self._next[1])
            self._next = next(self._there, None)
