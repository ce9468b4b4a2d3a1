"""The lines of what every stage is charged each month for what it keeps: the largest sum there is, after a few months.

S3 counts a GB as 2**30 bytes. `originalsTieringDays` and `originalsExpireDays` make the originals cost less.
"""

from typing import Final

from ops.cli import prices
from ops.cli.costs.bill import BillLine
from ops.cli.prices import GB

ITEM_OVERHEAD: Final = 100
"""Bytes that DynamoDB adds to each item that it stores:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""


def kept(images: float, *, original_bytes: float, variant_bytes: float, item_bytes: float) -> list[BillLine]:
    """A month of originals and variants in S3 Standard, and of their items; the bytes are those of one image."""
    return [
        BillLine("S3", "GB of originals", images * original_bytes / GB, prices.S3_GB_MONTH),
        BillLine("S3", "GB of variants", images * variant_bytes / GB, prices.S3_GB_MONTH),
        BillLine("DynamoDB", "GB of items", table_gb(images, item_bytes), prices.TABLE_GB_MONTH),
    ]


def table_gb(images: float, item_bytes: float) -> float:
    """GB of so many items in the images table."""
    return images * (item_bytes + ITEM_OVERHEAD) / GB
