"""The consumer: a batch of messages from the uploads queue.

The event is ``{"Records": [{"messageId", "receiptHandle", "body", "attributes": {"ApproximateReceiveCount",
"SentTimestamp", ...}}]}``, the answer ``{"batchItemFailures": [{"itemIdentifier": messageId}, ...]}``.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from functools import cache
from typing import Any

from handlers.bootstrap import build_consumer
from handlers.startup import starting
from processing.batch import Batch
from processing.messages import message_of


@cache
def consumer() -> Batch:
    """Built at the first invocation, kept for the lifetime of the execution environment."""
    with starting():
        return build_consumer()


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Process one batch; never raises for an invalid message."""
    batch: Batch = consumer()
    return batch.process(
        [message_of(record) for record in event["Records"]],
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        request_id=context.aws_request_id,
    )
