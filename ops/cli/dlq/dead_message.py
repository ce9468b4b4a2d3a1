"""One message of the dead-letter queue, as it was received, and as it is sent again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from ops.cli.queues import OutgoingMessage

SHORT: Final = 8  # characters of a message id that people type
REDRIVE: Final = "darkroom-redrive"  # the attribute with the redrive that sent a message, and the group of such
MAX_ATTRIBUTES: Final = 10  # of one message


@dataclass(frozen=True, slots=True)
class DeadMessage:
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
        """The beginning of its id, which people type."""
        return self.message_id[:SHORT]

    @property
    def sent_at(self) -> float:
        """When it was first sent, in seconds since the epoch: SQS keeps that time when a message dies."""
        return int(self.attributes.get("SentTimestamp", 0)) / 1000

    @property
    def redrive(self) -> str:
        """The redrive that sent it, if one of ours did."""
        return str(self.message_attributes.get(REDRIVE, {}).get("StringValue", ""))

    def outgoing(self, mark: str) -> OutgoingMessage:
        """As it is sent again: the same, and with a ``mark`` where there is room for an attribute."""
        attributes = {
            name: {kind: value[kind] for kind in ("DataType", "StringValue", "BinaryValue") if kind in value}
            for name, value in self.message_attributes.items()
        }
        if mark and (REDRIVE in attributes or len(attributes) < MAX_ATTRIBUTES):
            attributes[REDRIVE] = {"DataType": "String", "StringValue": mark}
        return OutgoingMessage(self.body, self.attributes.get("MessageGroupId", REDRIVE), attributes)
