"""SQS messages: received and parsed; grouped, so that one object's messages are processed in order; postponed.

All other messages are processed in parallel, so that one image is rendered while the next are fetched and the last are
published. Two messages of one object would only conflict: the second would find the first one's claim.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from processing.concurrency import Threads
from processing.errors import Retryable, Unavailable
from processing.events import Event, ObjectCreated, parse
from processing.storage.refusals import translating_errors

T = TypeVar("T")

MAX_ENTRIES: Final = 10  # of one ChangeMessageVisibilityBatch


@dataclass(frozen=True, slots=True)
class MessageGroup(Generic[T]):
    """Items to process one after the other; ``size`` is the largest object's in bytes, None when unknown."""

    items: tuple[T, ...]
    size: int | None = None


GroupExecutor = Callable[[Callable[[MessageGroup[T]], None], Sequence[MessageGroup[T]]], None]
"""An `Executor` of groups."""


def grouped(items: Iterable[T], objects_of: Callable[[T], Set[str]]) -> list[tuple[T, ...]]:
    """The items in groups, so that no object is in two groups; groups and items keep their order."""
    groups: list[tuple[list[T], set[str]]] = []
    for item in items:
        objects = set(objects_of(item))
        shared = [group for group in groups if group[1] & objects]
        if not shared:
            groups.append(([item], objects))
            continue
        first, *others = shared
        for group in others:
            groups.remove(group)
            first[0].extend(group[0])
            first[1].update(group[1])
        first[0].append(item)
        first[1].update(objects)
    return [tuple(group) for group, _ in groups]


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """Runs the work for groups in threads, within the memory for their objects.

    Args:
        threads: the most that run in parallel.
        memory: reserves memory for a group while it is processed, by its ``size``.
    """

    threads: int
    memory: Callable[[int | None], AbstractContextManager[object]]

    def __call__(self, work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
        """Run the work for every group.

        Raises:
            Exception: the first that was raised by the work for a group, after all have ended.
        """

        def within(group: MessageGroup[T]) -> None:
            with self.memory(group.size):
                work(group)

        Threads(self.threads)(within, groups)


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS message as it was received."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: float = 0.0  # seconds since the epoch
    trace: str = ""  # the header of the trace in which it was sent


def message_of(record: dict[str, Any]) -> Message:
    """From a record of an SQS event. What is missing or no number gets a default: only the id is required."""
    attributes = record.get("attributes") or {}
    return Message(
        id=record["messageId"],
        receipt_handle=record.get("receiptHandle") or "",
        body=record.get("body") or "",
        receive_count=_number(attributes.get("ApproximateReceiveCount"), default=1),
        sent_at=_number(attributes.get("SentTimestamp"), default=0) / 1000,
        trace=str(attributes.get("AWSTraceHeader") or ""),
    )


def _number(value: Any, *, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message with its events, or the ``fault`` of its body; ``position`` is its index in the batch."""

    position: int
    message: Message
    events: tuple[Event, ...] = ()
    fault: Exception | None = None

    @property
    def objects(self) -> frozenset[str]:
        return frozenset(f"{event.bucket}/{event.key}" for event in self.events)


def in_groups(messages: Sequence[Message]) -> list[MessageGroup[ParsedMessage]]:
    """The messages of one object in one group, in their order; the highest receive count comes first."""
    in_turn = sorted(enumerate(messages), key=lambda each: -each[1].receive_count)
    groups = grouped((_parsed(position, message) for position, message in in_turn), lambda parsed: parsed.objects)
    return [MessageGroup(items, _largest(items)) for items in groups]


def _parsed(position: int, message: Message) -> ParsedMessage:
    try:
        return ParsedMessage(position, message, parse(message.body))
    except Exception as error:  # noqa: BLE001 - `fate_of` distinguishes malformed messages from bugs
        return ParsedMessage(position, message, fault=error)


def _largest(messages: Sequence[ParsedMessage]) -> int | None:
    """The size of the largest object; None when a size is unknown, 0 when nothing is to be fetched."""
    sizes = [event.size for parsed in messages for event in parsed.events if isinstance(event, ObjectCreated)]
    known = [size for size in sizes if size is not None]
    return max(known, default=0) if len(known) == len(sizes) else None


class SqsQueue:
    """The uploads queue on SQS.

    Args:
        client: a boto3 SQS client.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._sqs = client
        self._url = url

    def postpone(self, delays: Mapping[str, int]) -> None:
        """Set the seconds after which received messages are visible again, by receipt handle.

        Raises:
            Unavailable: some entries were refused; all were sent. The refused ones come back when the queue's
                own visibility timeout ends.
        """
        handles = list(delays)
        refused: list[str] = []
        for start in range(0, len(handles), MAX_ENTRIES):
            entries = [
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": delays[handle]}
                for index, handle in enumerate(handles[start : start + MAX_ENTRIES])
            ]
            try:
                with translating_errors("sqs:ChangeMessageVisibilityBatch"):
                    answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except Retryable as error:
                refused.append(error.cause)
            else:
                refused += [entry["Code"] for entry in answer.get("Failed", [])]
        if refused:
            raise Unavailable(refused[0], "sqs:ChangeMessageVisibilityBatch", f"{len(refused)} entries not changed")
