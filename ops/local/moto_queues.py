"""SQS requests that run one at a time and cost the same however many messages wait: put in place of moto's.

moto works out every attribute of a queue, its three counts among them, for each message that is sent or received, and
looks through the whole queue to delete one: ten messages took 1.7 s with 3,000 waiting. Two threads that receive at
once can get the same message. Standard queues only.
"""

import contextlib
import copy
import functools
import time
from collections.abc import Callable
from threading import Condition, RLock
from typing import Any, Final

from moto.core.utils import camelcase_to_underscores
from moto.sqs import models as sqs
from moto.sqs.exceptions import ReceiptHandleIsInvalid

COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)

USED_OF_A_QUEUE: Final = (
    "_messages",
    "dead_letter_queue",
    "deleted_messages",
    "fifo_queue",
    "message_retention_period",
    "redrive_policy",
)
USED_OF_A_MESSAGE: Final = (
    "all_receipt_handles",
    "approximate_receive_count",
    "change_visibility",
    "delayed_until",
    "mark_received",
    "receipt_handle",
    "sent_timestamp",
    "visible_at",
)

_QUEUES = Condition(RLock())
"""Waiting on it, as a long poll does, lets the others in; whatever puts a message within reach wakes the waiting."""


def without_counts(attribute_names: list[str]) -> list[str]:
    """``Queue.BASE_ATTRIBUTES`` without the counts."""
    return [name for name in attribute_names if name not in COUNTS]


def counting_when_asked(get_queue_attributes: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """``SQSBackend.get_queue_attributes`` for queues ``without_counts``: it counts what the request names."""

    @functools.wraps(get_queue_attributes)
    def attributes(backend: Any, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        queue = backend.get_queue(queue_name)
        stored = get_queue_attributes(backend, queue_name, without_counts(attribute_names))
        wanted = COUNTS if "All" in attribute_names else [name for name in COUNTS if name in attribute_names]
        return stored | {name: getattr(queue, camelcase_to_underscores(name)) for name in wanted}

    return attributes


def waking(add_message: Callable[..., None]) -> Callable[..., None]:
    """``Queue.add_message`` that wakes the long polls."""

    @functools.wraps(add_message)
    def added(queue: Any, message: Any) -> None:
        with _QUEUES:
            add_message(queue, message)
            _QUEUES.notify_all()

    return added


def without_mappings(add_message: Callable[..., None]) -> Callable[..., None]:
    """``Queue.add_message`` that polls for no event source mapping: moto would receive, and run docker."""

    @functools.wraps(add_message)
    def added(queue: Any, message: Any) -> None:
        queue.lambda_event_source_mappings.clear()
        add_message(queue, message)

    return added


def receive_message(
    backend: Any,
    queue_name: str,
    count: int,
    wait_seconds_timeout: float,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Any]:
    """Take the first ``count`` messages that can be had; without any, wait, and let the others work meanwhile."""
    end = time.time() + wait_seconds_timeout
    with _QUEUES:
        while True:
            queue = backend.get_queue(queue_name)
            received = _take(queue, count, visibility_timeout, message_attribute_names or [])
            left = end - time.time()
            if received or left <= 0:
                return received
            _QUEUES.wait(min(left, _seconds_until_one_returns(queue)))


def change_message_visibility(backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """Hide a received message for ``visibility_timeout`` seconds from now."""
    with _QUEUES:
        message = _by_handle(backend.get_queue(queue_name)).get(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid
        message.change_visibility(int(visibility_timeout))
        _QUEUES.notify_all()


def delete_message(queue: Any, receipt_handle: str) -> None:
    """Delete a message by any handle it was ever received with; again is no error."""
    with _QUEUES:
        if receipt_handle in queue.deleted_messages:
            return
        message = _by_handle(queue).get(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid
        queue.deleted_messages.update(message.all_receipt_handles)
        _forget(queue, message)


def _take(queue: Any, count: int, visibility_timeout: int, attribute_names: list[str]) -> list[Any]:
    if queue.fifo_queue:
        raise NotImplementedError("the local stack plays standard queues only")
    now = time.time() * 1000
    oldest = now - queue.message_retention_period * 1000
    dead_letters, limit = queue.dead_letter_queue, (queue.redrive_policy or {}).get("maxReceiveCount")
    taken: list[Any] = []
    expired: list[Any] = []
    spent: list[Any] = []
    for message in queue._messages:
        if len(taken) == count:
            break
        if message.visible_at > now or message.delayed_until > now:  # the hot line where thousands are hidden
            continue
        if message.sent_timestamp <= oldest:
            expired.append(message)
        elif dead_letters is not None and message.approximate_receive_count >= limit:
            spent.append(message)
        else:
            taken.append(message)
    for message in expired + spent:
        _forget(queue, message)
    for message in spent:
        dead_letters.add_message(message)
    return [_received(queue, message, visibility_timeout, attribute_names) for message in taken]


def _received(queue: Any, message: Any, visibility_timeout: int, attribute_names: list[str]) -> Any:
    message.mark_received(visibility_timeout=visibility_timeout)
    _by_handle(queue)[message.receipt_handle] = message
    as_it_is_now = copy.copy(message)
    sqs._filter_message_attributes(as_it_is_now, attribute_names)
    return as_it_is_now


def _forget(queue: Any, message: Any) -> None:
    with contextlib.suppress(ValueError):  # purged meanwhile
        queue._messages.remove(message)
    for handle in message.all_receipt_handles:
        _by_handle(queue).pop(handle, None)


def _by_handle(queue: Any) -> dict[str, Any]:
    index: dict[str, Any] = queue.__dict__.setdefault("messages_by_receipt_handle", {})
    return index


def _seconds_until_one_returns(queue: Any) -> float:
    """Until the first hidden or delayed message can be received; a millisecond more, so that it then can."""
    returns_at = (max(message.visible_at, message.delayed_until) / 1000 for message in queue._messages)
    return float(min(returns_at, default=time.time() + 3600.0)) - time.time() + 0.001
