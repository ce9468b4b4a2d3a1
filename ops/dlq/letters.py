"""A letter of the dead-letter queue, and how many of them SQS takes at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

MOST: Final = 10  # messages in any one request
THREADS: Final = 8  # requests at once
SHORT: Final = 8  # characters of a message id that people type
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it was received from the dead-letter queue."""

    message_id: str
    handle: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Out of SQS's answer."""
        return cls(
            message_id=message["MessageId"],
            handle=message["ReceiptHandle"],
            body=message["Body"],
            attributes=message.get("Attributes", {}),
            message_attributes=message.get("MessageAttributes", {}),
        )

    @property
    def id(self) -> str:
        """What people call it."""
        return self.message_id[:SHORT]

    @property
    def sent_at(self) -> float:
        """When it was first sent, in seconds since the epoch: SQS keeps that time when a message dies."""
        return int(self.attributes.get("SentTimestamp", 0)) / 1000


def in_groups(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in groups of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))
