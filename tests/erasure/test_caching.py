"""How long an erased variant may be in a cache, by the recipe's Cache-Control."""

import pytest

from processing.erasure.caching import LONGEST, cache_seconds
from tests.builders import changed, recipe


@pytest.mark.parametrize(
    ("cache", "seconds"),
    [
        ("public, max-age=60", 60),
        ("public, max-age=600, s-maxage=30", 30),
        ("public, max-age=60, stale-while-revalidate=30, stale-if-error=300", 360),
        ("no-store", 0),
        ("public, max-age=31536000, immutable", LONGEST),
    ],
)
def test_the_longest_time_of_all_variants_counts(cache: str, seconds: int) -> None:
    made = changed(recipe(), "desktop", cache="no-store")

    assert cache_seconds(changed(made, "phone", cache=cache)) == seconds
