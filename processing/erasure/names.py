"""The keys that the variants of one object have, or had under another recipe; and whose else they may be. Pure.

Under one recipe no two objects share a variant's key (`processing.naming`). Under two they may: ``cat.png`` as WebP and
``cat.png.webp`` in its own format are both ``desktop/cat.png.webp``.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import product
from typing import Final

from processing.errors import UnusableKey
from processing.naming import EXTENSIONS, variant_key

FORMATS: Final = ("keep", *EXTENSIONS)
MOST_APPENDED: Final = 2  # extensions, to a key


def possible_keys(key: str, *, prefix: str, folders: Collection[str]) -> set[str]:
    """The keys that a variant of the object can have, whatever it is called and whatever the recipe was.

    Args:
        folders: the names of variants; all that the variants bucket has.
    """
    found = {f"{folder}/{key.removeprefix(prefix)}" for folder in folders}  # as "keep" was named at first
    for folder, output_format in product(folders, FORMATS):
        with suppress(UnusableKey):
            found.add(variant_key(key, prefix=prefix, variant=folder, output_format=output_format))
    return found


def other_sources(variant: str, key: str, *, prefix: str) -> set[str]:
    """The keys of other objects whose variant can have the key ``variant``."""
    folder, _, rest = variant.partition("/")
    sources = {f"{prefix}{stem}" for stem in _stems(rest)} - {key}
    return {source for source in sources if variant in possible_keys(source, prefix=prefix, folders=(folder,))}


def _stems(name: str) -> Iterator[str]:
    """A name, and what it may have been before naming appended to it."""
    yield name
    for _ in range(MOST_APPENDED):
        name, dot, _ = name.rpartition(".")
        if not dot:
            return
        yield name
