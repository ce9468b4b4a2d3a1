"""The images table: one item for each version of each object, at once idempotency record, metadata and history.

A claim is one conditional write, and every later write is conditional on the claim's own token, so that a worker which
lost its lease can change nothing here::

    worker 1   claim(token 1) ........ renders, hangs ........ complete if owner = token 1: refused, LeaseLost
    lease 1    |----------------------------|
    worker 2                  claim: Busy    claim(token 2) ...... complete if owner = token 2: DONE
    lease 2                                  |----------------------------|

The lease outlives the function's timeout, so that a lease ends under a living worker only when its environment was
frozen. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from processing.ledger.dynamo import DynamoLedger
from processing.ledger.image import ImageRecord, VariantRecord
from processing.ledger.item import Claim, Delivery, reason_of
from processing.ledger.record import (
    REMOVED_KEY,
    Phase,
    Reason,
    Record,
    Status,
    Version,
    current,
)
from processing.ledger.table import ImagesTable

__all__ = [
    "REMOVED_KEY",
    "Claim",
    "Delivery",
    "DynamoLedger",
    "ImageRecord",
    "ImagesTable",
    "Phase",
    "Reason",
    "Record",
    "Status",
    "VariantRecord",
    "Version",
    "current",
    "reason_of",
]
