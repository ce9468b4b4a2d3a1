"""The consumer: a batch of messages from the uploads queue.

The event is ``{"Records": [{"messageId", "receiptHandle", "body", "attributes": {"ApproximateReceiveCount",
"SentTimestamp", ...}}]}``, the answer ``{"batchItemFailures": [{"itemIdentifier": messageId}, ...]}``.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from functools import cache
from typing import Any

from handlers.bootstrap import build_consumer
from processing.batch import Batch, Message

consumer = cache(build_consumer)  # made at the first invocation, kept while the environment lives


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Work off one batch; never raises for what is wrong with a message."""
    batch: Batch = consumer()
    return batch.process(
        [_message(record) for record in event["Records"]],
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        request_id=context.aws_request_id,
    )


def _message(record: dict[str, Any]) -> Message:
    attributes = record["attributes"]
    return Message(
        id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at=int(attributes["SentTimestamp"]) / 1000,
    )
