"""The uploads queue for a worker outside Lambda: receives messages, deletes them, gives them back.

Lambda does this for the function: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config

from handlers.clients import CONNECT_TIMEOUT, READ_TIMEOUT, Deadlines, check_sender
from processing.errors import Retryable
from processing.messages import MAX_ENTRIES, Message, SqsQueue, message_of
from processing.storage.refusals import translating_errors

DELETE_ROUNDS: Final = 3
DELETE_PAUSE: Final = 1.0  # seconds before each round but the first
WINDOW: Final = 1  # seconds that a receive waits for more messages; shorter polls may miss what is there
ATTRIBUTES: Final = ["ApproximateReceiveCount", "SentTimestamp"]  # all that `message_of` reads, but for traces

log = logging.getLogger("darkroom")


def make_receiving_client(*, wait: float) -> Any:
    """An SQS client that waits up to ``wait`` seconds for messages.

    It does not retry: its caller does, and looks between two attempts whether it must stop.
    """
    read_timeout = wait + READ_TIMEOUT
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        user_agent="darkroom",
        tcp_keepalive=True,
    )
    client = boto3.Session().client("sqs", config=config)
    client.meta.events.register("response-received", check_sender)
    return Deadlines().limit(client, seconds=read_timeout + CONNECT_TIMEOUT, reserve=0, read_timeout=read_timeout)


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """What a queue decides: the visibility timeout in seconds, and after how many receives a message is dead.

    ``max_receive_count`` is None without a dead-letter queue.
    """

    visibility_timeout: float
    max_receive_count: int | None


class ReceivingQueue:
    """A queue on SQS.

    Args:
        client: a boto3 SQS client that waits long enough for `receive`.
        batch_size: messages of one `receive`, at most; SQS hands out `MAX_ENTRIES` in one answer.
        wait: seconds that a `receive` waits for the first message, 20 at most; for others it waits `WINDOW`.
    """

    def __init__(
        self, client: Any, url: str, *, batch_size: int, wait: int, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._sqs = client
        self._url = url
        self._batch_size = batch_size
        self._wait = wait
        self._sleep = sleep

    def numbers(self) -> QueueNumbers:
        """Read the queue's attributes.

        Raises:
            Unavailable: SQS refused or did not answer.
        """
        with translating_errors("sqs:GetQueueAttributes"):
            answer = self._sqs.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
            )
        found = answer["Attributes"]
        redrive = json.loads(found.get("RedrivePolicy") or "{}")
        receives = redrive.get("maxReceiveCount")
        return QueueNumbers(float(found["VisibilityTimeout"]), None if receives is None else int(receives))

    def receive(self, goes_on: Callable[[], bool] = lambda: True) -> list[Message]:
        """Wait for messages, then take what else is there, as long as ``goes_on`` says; an empty list when none came.

        As many answers as would fill a batch are taken, and none after an empty one, so that few messages do not wait
        for many.

        Raises:
            Unavailable: SQS refused or did not answer. Messages of an answer that was lost come back by themselves.
        """
        batch = arrived = self._receive(self._batch_size, self._wait)
        for _ in range(MAX_ENTRIES, self._batch_size, MAX_ENTRIES):
            if not arrived or not goes_on():
                break
            try:
                arrived = self._receive(self._batch_size - len(batch), WINDOW)
            except Retryable as error:
                log.warning("a batch is smaller than it could be", extra={"data": {"why": str(error)}})
                break
            batch = batch + arrived
        return batch

    def _receive(self, most: int, wait: int) -> list[Message]:
        with translating_errors("sqs:ReceiveMessage"):
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, MAX_ENTRIES),
                WaitTimeSeconds=wait,
                MessageSystemAttributeNames=ATTRIBUTES,
            )
        return [message_of(_record(each)) for each in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; those that SQS does not delete in several rounds are logged.

        A message that was processed and not deleted comes back as a duplicate, which changes nothing.
        """
        left, why = {str(index): message for index, message in enumerate(messages)}, ""
        for number in range(DELETE_ROUNDS):
            if not left:
                return
            if number:
                self._sleep(DELETE_PAUSE)
            entries = [{"Id": index, "ReceiptHandle": message.receipt_handle} for index, message in left.items()]
            for start in range(0, len(entries), MAX_ENTRIES):
                deleted, refusal = self._delete(entries[start : start + MAX_ENTRIES])
                why = refusal or why
                for index in deleted:
                    left.pop(index, None)
        if left:
            line = {"why": why, "message_ids": [message.id for message in left.values()]}
            log.warning("messages were not deleted, and come back as duplicates", extra={"data": line})

    def _delete(self, entries: Sequence[dict[str, str]]) -> tuple[list[str], str]:
        """Send one request; the ids that were deleted, and why others were not."""
        try:
            with translating_errors("sqs:DeleteMessageBatch"):
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except Retryable as error:
            return [], str(error)
        refusal = ", ".join(sorted({entry["Code"] for entry in answer.get("Failed", [])}))
        return [entry["Id"] for entry in answer.get("Successful", [])], refusal

    def give_back(self, messages: Sequence[Message]) -> None:
        """Make messages visible to other workers now.

        Raises:
            Unavailable: some were not; they come back when the queue's visibility timeout ends.
        """
        SqsQueue(self._sqs, self._url).postpone({message.receipt_handle: 0 for message in messages})


def _record(received: dict[str, Any]) -> dict[str, Any]:
    """A received message as a record of Lambda's event."""
    return {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": received.get("Attributes", {}),
    }
