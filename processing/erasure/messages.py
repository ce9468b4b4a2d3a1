"""The erasures queue: each message names an intent, and comes back until the erasure has ended.

A message that must wait is hidden for that long, so that no invocation sleeps. It holds a digest and no key. Sent twice
or delivered twice, the second finds no intent.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from processing.batch import BACKOFF
from processing.erasure.eraser import Eraser, Wait
from processing.errors import DarkroomError, ErasureEnded, Unavailable
from processing.messages import Message

log = logging.getLogger("darkroom")


class Postponing(Protocol):
    """A queue whose messages can be hidden for longer."""

    def postpone(self, delays: Mapping[str, int]) -> None: ...


@dataclass(frozen=True, slots=True)
class Erasures:
    """Takes the messages of the erasures queue."""

    eraser: Eraser
    queue: Postponing

    def take(self, message: Message) -> bool:
        """Go on with one erasure; returns whether it has ended, so that the message is acknowledged."""
        delay = self._advance(message)
        if delay is None:
            return True
        try:
            self.queue.postpone({message.receipt_handle: delay})
        except Unavailable as error:  # the queue's visibility timeout applies
            log.warning("the erasure was not postponed", extra={"data": {"why": str(error)}})
        return False

    def _advance(self, message: Message) -> int | None:
        """Seconds until the next attempt; None when there is nothing more to do."""
        line: dict[str, object] = {"object_sha256": message.body, "receive": message.receive_count}
        try:
            intent = self.eraser.table.find(message.body)
            if intent is None:
                log.info("nothing to erase", extra={"data": line})
                return None
            step = self.eraser.advance(intent)
        except ErasureEnded:
            return None
        except Exception as error:  # whatever it is, the intent stays and the message comes back
            line |= {"cause": type(error).__name__, "error": str(error)}
            if isinstance(error, DarkroomError):
                log.warning("not erased yet", extra={"data": line})
            else:
                log.exception("not erased yet", extra={"data": line})
            return BACKOFF[min(message.receive_count, len(BACKOFF)) - 1]
        if isinstance(step, Wait):
            log.info("the erasure waits", extra={"data": line | {"seconds": step.seconds, "why": step.why}})
            return step.seconds
        log.info("erased", extra={"data": dict(step.document)})
        return None
