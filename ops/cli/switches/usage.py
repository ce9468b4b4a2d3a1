"""The images that are charged, and how large what belongs to one of them is."""

import math
from dataclasses import dataclass
from typing import Final

from ops.cli.costs.batch import FunctionSettings
from ops.cli.costs.cpu import bytes_of
from ops.cli.costs.encoding import variant_bytes
from ops.cli.item_size import USUAL_BUCKET, ItemSizes, usual_item
from ops.cli.recipes import VariantPlan
from processing.ledger import Version, read
from processing.outbox import entry_bytes, entry_of

USUAL_KEY: Final = 60  # bytes, prefix included
USUAL_CDN: Final = "https://d111111abcdef8.cloudfront.net"


@dataclass(frozen=True, slots=True)
class Usage:
    """So many images of one kind, by a stage.

    Args:
        images: that are processed to their end.
        hours: that takes.
        uploads: whether they are still to be uploaded; a backfill's are there.
        variants: of each.
        item_bytes: of each in the images table.
        event_bytes: of the event at its end.
        original_bytes: of its original.
        variant_bytes: of all its variants together.
    """

    images: int
    hours: float
    uploads: bool
    function: FunctionSettings
    variants: int
    item_bytes: int
    event_bytes: int
    original_bytes: float
    variant_bytes: float


def usage_of(
    images: int,
    *,
    hours: float,
    uploads: bool,
    function: FunctionSettings,
    sizes: ItemSizes,
    key_bytes: int,
    megapixels: float,
) -> Usage:
    """Of usual photos of so many megapixels, by the recipe that the item sizes are of."""
    recipe = sizes.plan.recipe
    return Usage(
        images=images,
        hours=hours,
        uploads=uploads,
        function=function,
        variants=len(recipe.variants),
        item_bytes=sizes.size(key_bytes),
        event_bytes=event_bytes(sizes.plan, key_bytes),
        original_bytes=bytes_of(megapixels),
        variant_bytes=variant_bytes(recipe, megapixels),
    )


def event_bytes(plan: VariantPlan, key_bytes: int) -> int:
    """The bytes of the event `Image Ready` of a usual photo on a stage with a CDN.

    It is reckoned from two short keys, as a key may be too long for its variants to have one.
    """
    shorter, longer = (_event_bytes(plan, f"{plan.prefix}{name}.jpg") for name in ("x", "xx"))
    return shorter + (longer - shorter) * (key_bytes - len(f"{plan.prefix}x.jpg".encode()))


def _event_bytes(plan: VariantPlan, key: str) -> int:
    record = read(usual_item(plan, Version(USUAL_BUCKET, key, "5" * 32)))
    entry = entry_of(record, variants_bucket=USUAL_BUCKET, cdn=USUAL_CDN, now=math.inf)
    assert entry is not None
    return entry_bytes(entry)
