"""What the images table and the dead-letter queue say of an object, as far as people are shown it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from processing.errors import MalformedMessage
from processing.events import parse

MOST_KEYS = 100  # in one BatchGetItem
MOST_MESSAGES = 10  # in one ReceiveMessage
HIDDEN = 600  # seconds for which a message that was looked at is not received again


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a finished image."""

    name: str
    key: str
    format: str
    width: int
    height: int
    bytes: int

    @property
    def pixels(self) -> str:
        """Width and height, for people."""
        return _pixels(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Record:
    """One item of the images table. ``cause`` and ``message`` say why the last attempt failed, if one did."""

    status: str
    cause: str = ""
    message: str = ""
    attempts: int = 0
    image_format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    variants: tuple[Variant, ...] = ()
    timings: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    @property
    def pixels(self) -> str:
        """Width and height as shown, for people."""
        return _pixels(self.width, self.height)


@dataclass(frozen=True, slots=True)
class ImagesTable:
    """The images table of one stage; ``dynamodb`` is a boto3 client."""

    dynamodb: Any
    name: str

    def read(self, versions: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """The items that exist, by object and ETag; at most ``MOST_KEYS`` are asked for."""
        keys = [{"object": {"S": thing}, "etag": {"S": etag}} for thing, etag in versions]
        records = {}
        request = {self.name: {"Keys": keys, "ConsistentRead": True}} if keys else {}
        while request:
            answer = self.dynamodb.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self.name, []):
                values = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
                records[values["object"], values["etag"]] = _record(values)
            request = answer.get("UnprocessedKeys")
        return records


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


def waiting(sqs: Any, url: str) -> int:
    """How many messages a queue holds, whether they wait, are delayed or are being worked on."""
    names = ["", "Delayed", "NotVisible"]
    wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)
    return sum(int(answer["Attributes"][name]) for name in wanted)


def _pixels(width: int, height: int) -> str:
    return f"{width}×{height}"  # noqa: RUF001 - the sign for it


def _versions(body: str) -> set[tuple[str, str]]:
    try:
        events = parse(body)
    except MalformedMessage:
        return set()  # not a word of ours: S3 has sent none of these uploads in such a form
    return {(f"{event.bucket}/{event.key}", getattr(event, "etag", "")) for event in events}


def _record(item: Mapping[str, Any]) -> Record:
    reason = item.get("reason", {})
    return Record(
        status=item["status"],
        cause=reason.get("class", ""),
        message=reason.get("message", ""),
        attempts=int(item.get("attempts", 0)),
        image_format=item.get("image_format", ""),
        mode=item.get("mode", ""),
        width=int(item.get("width", 0)),
        height=int(item.get("height", 0)),
        variants=tuple(_variant(variant) for variant in item.get("variants", ())),
        timings={stage: int(value) for stage, value in item.get("timings", {}).items()},
        lost=tuple(item.get("lost", ())),
    )


def _variant(fields: Mapping[str, Any]) -> Variant:
    numbers = {name: int(fields[name]) for name in ("width", "height", "bytes")}
    return Variant(name=fields["name"], key=fields["key"], format=fields["format"], **numbers)
