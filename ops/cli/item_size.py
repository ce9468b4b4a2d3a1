"""How large the item of a finished image is in the images table, by DynamoDB's rule, and the write units that it takes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ops.cli.recipes import VariantPlan
from processing.ledger import ImageRecord, VariantRecord, Version
from processing.ledger.item import Attributes, attributes, image_attributes

WRITE_UNIT: Final = 1024  # bytes
USUAL_BUCKET: Final = "darkroom-production-uploads-123456789012-eu-west-1"
PLACEHOLDER: Final = 160  # characters: the median of the sample photos


def size_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The bytes that DynamoDB counts for the names and the values of an item, given as a request has it."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


@dataclass(frozen=True, slots=True)
class ItemSizes:
    """The sizes of the items of usual photos, by the bytes of their keys; ``beyond_key`` is all the rest of one."""

    plan: VariantPlan
    beyond_key: int

    @classmethod
    def of(cls, plan: VariantPlan, bucket: str = USUAL_BUCKET) -> Self:
        """For the variants of a plan, and the uploads bucket that is part of every item's key."""
        key = f"{plan.prefix}x.jpg"
        return cls(plan, size_of(usual_item(plan, Version(bucket, key, "5" * 32))) - len(key.encode()))

    @property
    def longest_key(self) -> int:
        """The bytes of the longest key whose item takes one write unit; less than none where every item takes more."""
        return WRITE_UNIT - self.beyond_key

    def size(self, key_bytes: int) -> int:
        """The bytes of an item."""
        return self.beyond_key + key_bytes

    def units(self, key_bytes: int) -> int:
        """The write units of each write that meets the finished item, refused or not."""
        return math.ceil(self.size(key_bytes) / WRITE_UNIT)


def usual_item(plan: VariantPlan, version: Version) -> Attributes:
    """The item of a photo from a phone, finished at the first attempt."""
    keys = plan.of(version.key).keys
    variants = tuple(
        VariantRecord(spec.name, keys[spec.name], "jpeg", 1920, 1440, 345_678, "0123456789")
        for spec in plan.recipe.variants
    )
    image = ImageRecord(
        image_format="jpeg",
        mode="RGB",
        width=4032,
        height=3024,
        size_bytes=3_456_789,
        content_type="image/jpeg",
        has_transparency=False,
        created_date="2026-05-04T12:13:14",
        variants=variants,
        timings={"fetch": 131, "render": 198, "wait": 117, "publish": 184},
        placeholder="x" * PLACEHOLDER,
        color="#8a6b4f",
    )
    claimed = {
        "status": "DONE",
        "owner": "0" * 32,
        "attempts": 1,
        "code_version": "0123456789ab",
        "last_receive": False,
        "uploaded_at": "2026-11-21T07:00:00.000Z",
        "sequencer": "0055AED6DCD90281E5",
        "updated_at": 1_795_000_001,
    }
    return version.item_key | attributes(claimed) | image_attributes(image, version)


def _size(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":  # two digits a byte, and one more; zeros at either end are not counted
            digits = value.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size(each) for each in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
    raise TypeError(f"{kind} is no type of the images table")
