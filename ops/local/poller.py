"""Batches out of a queue, as an event source mapping makes them: by size, by time and by weight."""

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from ops.local.deployed import EventSourceMapping

Record = dict[str, Any]
"""One message in the form in which a function gets it."""

EVENT_LIMIT = 6 * 1024 * 1024
"""Bytes of the largest event Lambda invokes a function with; a batch closes before it grows beyond."""

LONG_POLL = 1
"""Seconds that one receive waits for a message: short, because it is also the longest that stopping waits."""

MOST_AT_ONCE = 10
"""Messages that SQS hands out in one answer, at most."""


class Poller:
    """Receives messages and makes batches of them; for one thread.

    Args:
        sqs: a boto3 SQS client.
        queue_url: the queue.
        mapping: batch size and window; what is set later holds from the next batch on.
        stopping: whether to stop waiting and hand over what there is.
    """

    def __init__(self, sqs: Any, queue_url: str, mapping: EventSourceMapping, stopping: Callable[[], bool]) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self.mapping = mapping
        self._stopping = stopping
        self._carried: list[Record] = []

    def next_batch(self) -> list[Record]:
        """The next batch; empty when no message came, or when stopping.

        It closes when it is full, when the window that opened with its first message ends, or before it is too heavy.
        A window may end up to a second late: SQS waits in whole seconds.
        """
        batch: list[Record] = []
        weight = 0
        closes = time.monotonic() + self.mapping.window
        while not self._stopping():
            arrived = self._carried or self._receive(self.mapping.batch_size - len(batch))
            if arrived and not batch:
                closes = time.monotonic() + self.mapping.window
            self._carried = []
            for position, record in enumerate(arrived):
                weight += len(json.dumps(record))
                if batch and weight > EVENT_LIMIT:
                    self._carried = arrived[position:]
                    return batch
                batch.append(record)
            full = len(batch) >= self.mapping.batch_size
            if full or not batch or time.monotonic() >= closes:
                return batch
        self.give_back(batch + self._carried)
        return []

    def give_back(self, records: Sequence[Record]) -> None:
        """Make records that no function has seen receivable again at once."""
        for record in records:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    def _receive(self, count: int) -> list[Record]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(count, MOST_AT_ONCE),
            WaitTimeSeconds=LONG_POLL,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [self._record(message) for message in answer.get("Messages", [])]

    def _record(self, message: dict[str, Any]) -> Record:
        """The shape documented in "Using Lambda with Amazon SQS"."""
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.mapping.queue_arn,
            "awsRegion": self.mapping.region,
        }
        if "MD5OfMessageAttributes" in message:
            record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
        return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown
