"""A finished image for a page: a srcset for each format, and the picture element that has them all.

https://html.spec.whatwg.org/multipage/embedded-content.html#the-picture-element
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from processing.ledger import VariantRecord

BEST_FIRST: Final = ("avif", "webp", "jpeg", "png", "gif")
FALLBACKS: Final = ("jpeg", "png", "gif")  # formats that every browser shows
WHOLE_WIDTH: Final = "100vw"


def picture_of(variants: Sequence[VariantRecord], url: Callable[[VariantRecord], str], sizes: str) -> dict[str, Any]:
    """The members ``srcset`` and ``picture`` of a response.

    Both have the variants of one shape, that of the largest one, and of them each width once in each format.

    Args:
        url: of a variant.
        sizes: the width of the image on the page, as HTML has it.
    """
    by_format = _by_format(_of_one_shape(variants))
    sets = {
        name: ", ".join(f"{url(each)} {each.width}w" for each in widths.values()) for name, widths in by_format.items()
    }
    fallback = next((name for name in FALLBACKS if name in sets), list(sets)[-1])
    largest = max(by_format[fallback].values(), key=lambda each: each.width)
    size = {"width": largest.width, "height": largest.height}
    sources = [
        _tag("source", {"type": f"image/{name}", "srcset": srcset, "sizes": sizes})
        for name, srcset in sets.items()
        if name != fallback
    ]
    image = _tag("img", {"src": url(largest), "srcset": sets[fallback], "sizes": sizes, **size, "alt": ""})
    return {
        "srcset": {f"image/{name}": srcset for name, srcset in sets.items()},
        "picture": f"<picture>{''.join(sources)}{image}</picture>",
    }


def _of_one_shape(variants: Sequence[VariantRecord]) -> list[VariantRecord]:
    """Those with the shape of the largest; a side may be rounded by a pixel."""
    largest = max(variants, key=lambda each: each.width * each.height)
    return [
        each
        for each in variants
        if abs(each.height - each.width * largest.height / largest.width) <= 1
        or abs(each.width - each.height * largest.width / largest.height) <= 1
    ]


def _by_format(variants: Sequence[VariantRecord]) -> dict[str, dict[int, VariantRecord]]:
    """By format, the best first, and width: several are equal where the original is small."""
    found: dict[str, dict[int, VariantRecord]] = {}
    for each in sorted(variants, key=lambda each: (BEST_FIRST.index(each.format), each.width)):
        found.setdefault(each.format, {}).setdefault(each.width, each)
    return found


def _tag(name: str, attributes: Mapping[str, object]) -> str:
    return " ".join([f"<{name}", *(f'{each}="{escape(str(value))}"' for each, value in attributes.items())]) + ">"
