"""The consumer's clients of S3, DynamoDB and SQS: boto3's, of one session, each request with a deadline."""

from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config

from handlers.deadlines import CONNECT_TIMEOUT, OVERRUN, READ_TIMEOUT, Deadlines
from processing.errors import Unavailable

ATTEMPTS: Final = 3
DEADLINE: Final = 20.0  # seconds for a request, its retries and the body of its answer
REQUEST_SECONDS: Final = DEADLINE + OVERRUN

RESERVES: Final = {"s3": 3.0, "dynamodb": 2.0, "sqs": 0.5}
"""By how many seconds before the end of an invocation a request must have ended: when S3 hangs there is time to write
the reason into the ledger, and when the ledger hangs too, to postpone the message."""


@dataclass(frozen=True, slots=True)
class Clients:
    """What the store, the ledger and the queue speak to AWS with."""

    s3: Any
    dynamodb: Any
    sqs: Any


def make_clients(deadlines: Deadlines, *, connections: int) -> Clients:
    """The clients of one consumer.

    Args:
        connections: how many requests there are at once.
    """
    session = boto3.Session()
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        user_agent="darkroom",
        tcp_keepalive=True,
        request_checksum_calculation="when_required",  # the signature covers the SHA-256 of the body in its place
    )

    def make(service: Any) -> Any:
        client = session.client(service, config=config)
        client.meta.events.register("response-received", _check_sender)
        return deadlines.limit(client, seconds=DEADLINE, reserve=RESERVES[service])

    return Clients(s3=make("s3"), dynamodb=make("dynamodb"), sqs=make("sqs"))


def _check_sender(parsed_response: dict[str, Any] | None, event_name: str, **_: Any) -> None:
    """Every answer of AWS has a request id. A success without one is of something in between, and means nothing.

    Raises:
        Unavailable: it has none.
    """
    metadata = (parsed_response or {}).get("ResponseMetadata", {})
    if metadata.get("HTTPStatusCode") in range(200, 300) and not metadata.get("RequestId"):
        operation = event_name.removeprefix("response-received.").replace(".", ":")
        raise Unavailable("UnexpectedAnswer", operation, "no request id in it")
