"""What moto lacks to stand in for AWS: atomic requests, queues that a backlog does not slow, forms that S3 checks.

Each patch says why. All were written against one version of moto, by its inner names: with another version, or when a
name is gone, ``install`` refuses. Figures: 50 threads at once, and queues of 3,000 to 10,000 messages.
"""

import contextlib
import copy
import functools
import secrets
import time
from collections.abc import Callable
from threading import Condition, RLock
from typing import Any

import moto
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.responses import S3Response
from moto.sqs import models as sqs
from moto.sqs.exceptions import ReceiptHandleIsInvalid

from ops.local import post_policy

MOTO_VERSION = "5.2.5"

Replace = Callable[[Any, str, Any], None]
Patch = Callable[[Any], Any]
"""Makes the replacement out of what moto has."""


class PatchError(RuntimeError):
    """moto is not what the patches were written for."""


def install(replace: Replace = setattr) -> None:
    """Apply every patch; ``replace`` sets an attribute (tests pass one that can undo it).

    Raises:
        PatchError: moto has another version, or lacks a name that is to be replaced.
    """
    if moto.__version__ != MOTO_VERSION:
        raise PatchError(
            f"moto {moto.__version__} is installed and the patches of the local stack were written for {MOTO_VERSION}: "
            f"run 'pip install moto=={MOTO_VERSION}', or read the patches against the new version and move the pin"
        )
    patches = _patches()
    missing = [f"{owner.__name__}.{name}" for owner, name, _ in patches if not hasattr(owner, name)]
    if missing:
        raise PatchError(f"moto {moto.__version__} has no {', '.join(missing)}: reinstall it, or mend the patches")
    for owner, name, patch in patches:
        replace(owner, name, patch(getattr(owner, name)))


def _patches() -> list[tuple[Any, str, Patch]]:
    return [
        # Atomic requests. The backends check, then write, and take no lock: two of 50 threads won one conditional
        # update in 1 round of 240; and S3 sends its event before it has set the object's metadata. One re-entrant lock
        # a backend. Only S3 calls another one (SQS, to send an event), so no two can wait for each other. What goes
        # over the network, a request's body and the answer, stays outside.
        (DynamoHandler, "call_action", _holding(_TABLES)),
        (S3Response, "_bucket_response", _holding(_OBJECTS)),
        (S3Response, "_key_response", _holding(_OBJECTS)),
        # Uploads by POST: moto takes every form, whatever the policy in it says of size, type, key and time.
        (S3Response, "_bucket_response_post", post_policy.enforced),
        # Queues. moto works out every attribute of a queue, its three counts among them, for each message that is sent
        # or received, and looks through the whole queue to delete one: ten messages took 1.7 s with 3,000 waiting.
        # These take the queues' lock themselves, since a long poll has to let go of it.
        (sqs.Queue, "BASE_ATTRIBUTES", lambda names: [name for name in names if name not in _COUNTS]),
        # Nor does it poll for an event source mapping that is enabled: the player does.
        (sqs.Queue, "add_message", _waking),
        (sqs.Queue, "delete_message", _instead(_delete_message)),
        (sqs.SQSBackend, "get_queue_attributes", _counting_when_asked),
        (sqs.SQSBackend, "receive_message", _instead(_receive_message)),
        (sqs.SQSBackend, "change_message_visibility", _instead(_change_message_visibility)),
        (sqs, "generate_receipt_handle", _instead(lambda: secrets.token_urlsafe(138))),  # not 185 random.choice
        # Each request lists moto's own folders, twice, to find out whose it is: a sixth of its time.
        (DomainDispatcherApplication, "get_backend_for_host", functools.cache),
    ]


_TABLES = RLock()
_OBJECTS = RLock()
_QUEUES = Condition(RLock())
"""Waiting on it, as a long poll does, lets the others in; whatever puts a message within reach wakes the waiting."""

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


def _instead(function: Callable[..., Any]) -> Patch:
    return lambda _replaced: function


def _holding(lock: Any) -> Patch:
    def patch(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def alone(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return function(*args, **kwargs)

        return alone

    return patch


def _waking(add_message: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(add_message)
    def added(queue: Any, message: Any) -> None:
        with _QUEUES:
            queue.lambda_event_source_mappings.clear()  # moto would receive for them, and run the function in docker
            add_message(queue, message)
            _QUEUES.notify_all()

    return added


def _counting_when_asked(get_queue_attributes: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @functools.wraps(get_queue_attributes)
    def attributes(backend: Any, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        queue = backend.get_queue(queue_name)
        stored = get_queue_attributes(backend, queue_name, [name for name in attribute_names if name not in _COUNTS])
        wanted = _COUNTS if "All" in attribute_names else [name for name in _COUNTS if name in attribute_names]
        return stored | {name: getattr(queue, camelcase_to_underscores(name)) for name in wanted}

    return attributes


def _receive_message(
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
        forget(queue, message)
    for message in spent:
        dead_letters.add_message(message)
    return [_received(queue, message, visibility_timeout, attribute_names) for message in taken]


def _received(queue: Any, message: Any, visibility_timeout: int, attribute_names: list[str]) -> Any:
    message.mark_received(visibility_timeout=visibility_timeout)
    _by_handle(queue)[message.receipt_handle] = message
    as_it_is_now = copy.copy(message)
    sqs._filter_message_attributes(as_it_is_now, attribute_names)
    return as_it_is_now


def _change_message_visibility(backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    with _QUEUES:
        message = _by_handle(backend.get_queue(queue_name)).get(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid
        message.change_visibility(int(visibility_timeout))
        _QUEUES.notify_all()


def _delete_message(queue: Any, receipt_handle: str) -> None:
    with _QUEUES:
        if receipt_handle in queue.deleted_messages:
            return
        message = _by_handle(queue).get(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid
        queue.deleted_messages.update(message.all_receipt_handles)
        forget(queue, message)


def queues_lock() -> Condition:
    """What holds the queues still; whoever changes one wakes the others."""
    return _QUEUES


def is_receivable(message: Any) -> bool:
    """Whether a message is neither hidden nor delayed."""
    return _returns_at(message) <= time.time() * 1000


def forget(queue: Any, message: Any) -> None:
    """Take a message out of its queue; the caller holds the lock."""
    with contextlib.suppress(ValueError):  # purged meanwhile
        queue._messages.remove(message)
    for handle in message.all_receipt_handles:
        _by_handle(queue).pop(handle, None)


def _by_handle(queue: Any) -> dict[str, Any]:
    index: dict[str, Any] = queue.__dict__.setdefault("messages_by_receipt_handle", {})
    return index


def _returns_at(message: Any) -> float:
    return float(max(message.visible_at, message.delayed_until))


def _seconds_until_one_returns(queue: Any) -> float:
    """Until the first hidden or delayed message can be received; a millisecond more, so that it then can."""
    return min((_returns_at(message) / 1000 - time.time() for message in queue._messages), default=3600.0) + 0.001
