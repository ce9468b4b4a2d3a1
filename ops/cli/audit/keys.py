"""Which variants a source has, and which source a variant; and a merge of the sorted listings of both. Pure.

A variant's key alone does not name its source, for an extension may stand behind the key. But no two keys share a
variant's key (`processing.naming`): of the few keys that it could come from, at most one leads back to it.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from processing.errors import UnusableKey
from processing.naming import BARE, EXTENSIONS, variant_key

FORMATS = ("keep", *EXTENSIONS)
T = TypeVar("T")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Names:
    """Args:
    prefix: of the uploads.
    formats: the current output format of each variant.
    """

    prefix: str
    formats: Mapping[str, str]

    def of(self, source: str, variant: str) -> str | None:
        """The key of a source's variant; None where the source's key cannot be given to variants."""
        return self._named(source, variant, self.formats[variant])

    def bare(self, source: str, variant: str) -> str:
        """A lower bound of the keys of this variant of this source and of all later ones."""
        return f"{variant}/{source.removeprefix(self.prefix)}"

    def source(self, key: str) -> str | None:
        """The source whose variant has this key today."""
        variant = key.split("/", 1)[0]
        return next(iter(self._sources(key, (self.formats[variant],))), None)

    def older_sources(self, key: str) -> list[str]:
        """The sources whose variant had this key when the recipe had another format, or "keep" kept every key."""
        variant, rest = key.split("/", 1)
        found = self._sources(key, [name for name in FORMATS if name != self.formats[variant]])
        same = self.prefix + rest
        return found if same in (*found, self.source(key)) else [*found, same]

    def _sources(self, key: str, formats: Iterable[str]) -> list[str]:
        variant, rest = key.split("/", 1)
        found = {}
        for output_format in formats:
            for below in _stems(rest, output_format):
                source = self.prefix + below
                if self._named(source, variant, output_format) == key:
                    found[source] = True
        return list(found)

    def _named(self, source: str, variant: str, output_format: str) -> str | None:
        try:
            return variant_key(source, prefix=self.prefix, variant=variant, output_format=output_format)
        except UnusableKey:
            return None


def _stems(rest: str, output_format: str) -> Iterable[str]:
    """What may have been given this format's extension."""
    yield rest
    extension = EXTENSIONS["jpeg" if output_format == "keep" else output_format][0]
    for behind in (extension, BARE + extension):
        if rest.endswith(behind):
            yield rest.removesuffix(behind)


@dataclass(frozen=True, slots=True)
class Met(Generic[T, E]):
    """A variant's key, the source that should have it, and what is stored there; one of the two may be missing."""

    key: str
    wanted: T | None
    there: E | None


class Merge(Generic[T, E]):
    """The variants of one name that should be there, against those that are; in the order of keys, in bounded memory.

    Sources come in the order of their keys, and their variants almost do: `a` becomes `a.image.webp`, which comes
    behind the variant of `a!`. A variant's key is its source's with something behind it, so whatever is below the bare
    name of the source that comes next is settled. What waits are names of which that one is a continuation: no more of
    them than a key has characters, however many objects there are::

        sources     a        a!1      a!2      b
        waiting     {a.i}    {a.i}    {a.i}    {}        a.i = a.image.webp, behind a!1 and a!2 and before b
        settled                       a!1      a!2, a.i

    Args:
        there: what is stored, with its key, in the order of the keys.
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
