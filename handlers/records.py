"""Records of an SQS event as messages."""

from typing import Any

from processing.messages import Message


def message_of(record: dict[str, Any]) -> Message:
    """A message; attributes that are missing or not numbers get a default, because only the id is required."""
    attributes = record.get("attributes") or {}
    return Message(
        id=record["messageId"],
        receipt_handle=record.get("receiptHandle") or "",
        body=record.get("body") or "",
        receive_count=_number(attributes.get("ApproximateReceiveCount"), default=1),
        sent_at=_number(attributes.get("SentTimestamp"), default=0) / 1000,
    )


def _number(value: Any, *, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default
