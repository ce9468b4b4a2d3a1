"""How long a cache in front of the variants bucket may show a variant that is deleted, by its Cache-Control. Pure."""

import re
from typing import Final

from processing.recipe import Recipe

LONGEST: Final = (
    3600  # seconds that an erasure waits; after a longer time in caches, an operator has to invalidate them
)


def cache_seconds(recipe: Recipe) -> int:
    """The longest time of all variants, at most `LONGEST`."""
    return min(LONGEST, max((_seconds(spec.cache) for spec in recipe.variants), default=0))


def _seconds(cache: str) -> int:
    """``s-maxage`` or else ``max-age``, and for how long after it a cache may show what is stale (RFC 5861)."""
    found = {name: int(seconds) for name, seconds in re.findall(r"([a-z-]+)=(\d+)", cache)}
    stale = max(found.get("stale-while-revalidate", 0), found.get("stale-if-error", 0))
    return found.get("s-maxage", found.get("max-age", 0)) + stale
