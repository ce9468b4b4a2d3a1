"""What a million images cost: seconds, requests and bytes become dollars. Pure.

List prices of us-east-1 (November 2026, x86_64), before any free tier, in dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GB_SECOND: Final = 0.0000166667  # Lambda, x86_64
INVOCATION: Final = 0.20e-6
S3_WRITE: Final = 5.00e-6  # PUT, COPY, POST, LIST
S3_READ: Final = 0.40e-6  # GET, HEAD
DYNAMODB_WRITE: Final = 0.625e-6  # a unit of 1 KB
SQS_REQUEST: Final = 0.40e-6
LOG_GB: Final = 0.50
MILLION: Final = 1_000_000

OPERATIONS: Final = {
    "S3 GetObject": S3_READ,
    "S3 HeadObject": S3_READ,
    "S3 PutObject": S3_WRITE,
    "DynamoDB PutItem": DYNAMODB_WRITE,  # items of at most 1 KB
    "DynamoDB UpdateItem": DYNAMODB_WRITE,
    "SQS ChangeMessageVisibilityBatch": SQS_REQUEST,
}


@dataclass(frozen=True)
class Cost:
    """Dollars per million images."""

    compute: float
    invocations: float
    s3: float
    dynamodb: float
    sqs: float
    logs: float

    @property
    def total(self) -> float:
        return self.compute + self.invocations + self.s3 + self.dynamodb + self.sqs + self.logs


def gb_seconds(*, batch_seconds: float, batch: int, memory: float) -> float:
    """GB-seconds per million images: a batch's time, in whole milliseconds as Lambda bills it, times the memory."""
    milliseconds = -int(-batch_seconds * 1000 // 1)
    return milliseconds / 1000 * memory / 1024 * MILLION / batch


def cost(*, batch_seconds: float, batch: int, memory: float, requests: Mapping[str, float], logged: float) -> Cost:
    """The dollars of a million images.

    ``GB-seconds x price + (invocations: 1 / batch) + requests + (SQS: a send of S3's, a receive and a delete a batch) +
    bytes logged``, each times its price.

    Args:
        requests: per image, by service and operation.
        logged: bytes per image.

    Raises:
        KeyError: a request that has no price here.
    """
    priced = {name: each * OPERATIONS[name] for name, each in requests.items()}

    def of(service: str) -> float:
        return MILLION * sum(dollars for name, dollars in priced.items() if name.startswith(service))

    return Cost(
        compute=GB_SECOND * gb_seconds(batch_seconds=batch_seconds, batch=batch, memory=memory),
        invocations=MILLION / batch * INVOCATION,
        s3=of("S3"),
        dynamodb=of("DynamoDB"),
        sqs=of("SQS") + MILLION * (1 + 2 / batch) * SQS_REQUEST,
        logs=MILLION * logged / 1e9 * LOG_GB,
    )
