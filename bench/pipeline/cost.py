"""The cost of a million images, from seconds, requests and bytes, at the prices of `ops.cli.prices`. Pure.

::

    GB-s  =  milliseconds of a batch, rounded up  x  memory / 1,024 MB  x  1,000,000 / batch
    $     =  GB-s x price  +  1,000,000 x (1 / batch invocations + the requests of an image, each times its price
             + 1 + 2 / batch requests to SQS: sent by S3; a batch received, a batch deleted  +  GB logged x price)
"""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

from ops.cli.prices import GB, GB_SECOND, INVOCATION, LOG_GB, MILLION, S3_READ, S3_WRITE, SQS_REQUEST, TABLE_WRITE

PRICES: Final = {
    "S3 GetObject": S3_READ,
    "S3 HeadObject": S3_READ,
    "S3 PutObject": S3_WRITE,
    "DynamoDB PutItem": TABLE_WRITE,  # of an item of at most 1 KB
    "DynamoDB UpdateItem": TABLE_WRITE,
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
        return float(sum(astuple(self)))


def gb_seconds(*, batch_seconds: float, batch: int, memory: float) -> float:
    """Return the GB-seconds billed for a million images."""
    return math.ceil(batch_seconds * 1000) / 1000 * memory / 1024 * MILLION / batch


def cost(*, batch_seconds: float, batch: int, memory: float, requests: Mapping[str, float], logged: float) -> Cost:
    """Return the dollars for a million images, on x86_64.

    Args:
        memory: the function's, in megabytes.
        requests: per image, by service and operation.
        logged: bytes per image.

    Raises:
        KeyError: a request has no price here.
    """

    def of(service: str) -> float:
        return MILLION * sum(each * PRICES[name] for name, each in requests.items() if name.startswith(service))

    return Cost(
        compute=GB_SECOND["x86_64"] * gb_seconds(batch_seconds=batch_seconds, batch=batch, memory=memory),
        invocations=MILLION / batch * INVOCATION,
        s3=of("S3"),
        dynamodb=of("DynamoDB"),
        sqs=of("SQS") + MILLION * (1 + 2 / batch) * SQS_REQUEST,
        logs=MILLION * logged / GB * LOG_GB,
    )
