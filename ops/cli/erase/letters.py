"""The dead letters of objects that are erased: read once, for all of them."""

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from ops.cli.dlq.causes import DeadMessage
from ops.cli.dlq.messages import HeldMessages
from ops.cli.terminal import stderr
from processing.errors import Rejected
from processing.events import parse
from processing.ledger.erasures import Intent


class LettersOfErased:
    """Deletes the messages of the dead-letter queue that name these objects and no other.

    Args:
        objects: ``bucket/key`` of each.
    """

    def __init__(self, sqs: Any, url: str, objects: Collection[str]) -> None:
        self._sqs = sqs
        self._url = url
        self._objects = frozenset(objects)
        self._deleted: dict[str, list[str]] | None = None
        self._is_whole = True
        self._reading = threading.Lock()

    def delete(self, intent: Intent) -> Collection[str] | None:
        """The ids of the object's messages, which are deleted; None if the queue was not seen whole."""
        with self._reading:
            if self._deleted is None:
                self._deleted = self._delete()
        return self._deleted.get(intent.object, []) if self._is_whole else None

    def _delete(self) -> dict[str, list[str]]:
        deleted: dict[str, list[str]] = defaultdict(list)
        with HeldMessages(self._sqs, self._url) as held:
            messages = [(message, _objects_of(message)) for message in held.read()]
            concerned = [(message, objects) for message, objects in messages if objects & self._objects]
            chosen = [(message, objects) for message, objects in concerned if objects <= self._objects]
            left = {each.message_id for each in held.delete_all([message for message, _ in chosen])}
            self._is_whole = not (held.unseen or left or len(chosen) < len(concerned))
        for message, objects in chosen:
            for name in objects if message.message_id not in left else ():
                deleted[name].append(message.message_id)
        if not self._is_whole:
            _warn(len(concerned) - len(chosen))
        return deleted


def _objects_of(message: DeadMessage) -> frozenset[str]:
    try:
        events: Sequence[Any] = parse(message.body)
    except Rejected:
        return frozenset()
    return frozenset(f"{event.bucket}/{event.key}" for event in events)


def _warn(mixed: int) -> None:
    kept = f"; {mixed} name other objects as well and stay" if mixed else ""
    stderr().print(f"Not every dead letter could be read or deleted{kept}: the receipts say when they expire.")
