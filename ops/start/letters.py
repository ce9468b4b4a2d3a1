"""What the dead-letter queue says of an object."""

from collections.abc import Mapping, Sequence
from typing import Any

from processing.errors import MalformedMessage
from processing.events import parse

MOST_MESSAGES = 10  # in one ReceiveMessage
HIDDEN = 600  # seconds for which a message that was looked at is not received again


class DeadLetters:
    """The messages of the dead-letter queue, by the object version they speak of; ``sqs`` is a boto3 client.

    Looking hides a message for a while; `show_again` ends that.
    """

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._handles: dict[str, str] = {}
        self.versions: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Receive what came since the last time."""
        while messages := self._receive():
            for message in messages:
                self._handles[message["MessageId"]] = message["ReceiptHandle"]
                self.versions |= _versions(message["Body"])

    def show_again(self) -> None:
        """Make every message visible to others at once."""
        for handle in self._handles.values():
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0)

    def _receive(self) -> Sequence[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=MOST_MESSAGES, VisibilityTimeout=HIDDEN, WaitTimeSeconds=0
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", ())
        return messages


def _versions(body: str) -> set[tuple[str, str]]:
    try:
        events = parse(body)
    except MalformedMessage:
        return set()  # not a word of ours: S3 has sent none of these uploads in such a form
    return {(f"{event.bucket}/{event.key}", getattr(event, "etag", "")) for event in events}
