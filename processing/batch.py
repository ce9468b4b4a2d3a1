"""Lambda's partial-batch contract, and the one place that turns an outcome into a message's fate and a log level.

========================  ===========  =============================  ==================================
outcome                   message      comes back                     log
========================  ===========  =============================  ==================================
done, duplicate, ...      acknowledged                                info
rejected                  failed       at once, towards the DLQ       warning
busy                      failed       when the lease ends, + jitter  info
retryable                 failed       after BACKOFF, by receives     info; warning on the last receive
unexpected (a bug)        failed       as retryable                   error, with traceback
not started               failed       at once                        info
========================  ===========  =============================  ==================================

SQS's redrive policy is the only road to the dead-letter queue: a failed message gets there by being received
``max_receive_count`` times.
"""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from processing.errors import Busy, DarkroomError, NotStarted, Rejected, Unavailable
from processing.events import Event, ObjectCreated, parse
from processing.ledger import Delivery
from processing.spread import Chain, Spread, chained, one_after_another
from processing.worker import Kind, Outcome, reason_of

log = logging.getLogger("darkroom")

# Seconds after the first, second, ... receive; the last one repeats. The jitter only adds, so that a message whose
# earlier receives were used up by other causes still outlives an outage of an hour by the last delay alone.
BACKOFF = (40, 240, 900, 3600)
JITTER = 0.25
BUSY_JITTER = 5  # seconds


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS message as it was delivered."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message. ``delay`` is in seconds; None leaves the queue's visibility timeout as it is."""

    outcome: str
    acknowledged: bool
    level: int
    delay: int | None = None


class Queue(Protocol):
    """The uploads queue."""

    def postpone(self, delays: Mapping[str, int]) -> None: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was opened: what it speaks of, or why it cannot be read."""

    message: Message
    events: tuple[Event, ...] = ()
    fault: Rejected | None = None

    @property
    def objects(self) -> frozenset[str]:
        return frozenset(f"{event.bucket}/{event.key}" for event in self.events)


Handle = Callable[[Event, Delivery], Outcome]
SecondsLeft = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Batch:
    """How batches are worked off.

    Args:
        handle: works on one object, as `Worker.handle`; by several threads at once, if ``spread`` says so.
        seconds_needed: how much time must be left in the invocation for another object to be started.
        begin: told, at the beginning of an invocation, what its end is measured with.
        end: called when a batch has been worked off, however that went.
        spread: how the messages are spread.
    """

    handle: Handle
    queue: Queue
    max_receive_count: int
    seconds_needed: Callable[[], float]
    clock: Callable[[], float]
    chance: random.Random
    begin: Callable[[SecondsLeft], None] = lambda _: None
    end: Callable[[], None] = lambda: None
    spread: Spread = one_after_another

    def process(
        self, messages: Sequence[Message], *, seconds_left: SecondsLeft, request_id: str = ""
    ) -> dict[str, list[dict[str, str]]]:
        """Work off a batch; the answer names every message that must come back.

        All messages count as failed until they have succeeded, so that whatever goes wrong here loses none.
        """
        failed = {message.id: message for message in messages}
        delays: dict[str, int] = {}

        def work(chain: Chain[Letter]) -> None:
            for letter in chain.items:
                fate, message = self._settle(letter, seconds_left, request_id), letter.message
                if fate.acknowledged:
                    del failed[message.id]
                elif fate.delay is not None:
                    delays[message.receipt_handle] = fate.delay

        try:
            self.begin(seconds_left)
            self.spread(work, _chains(messages))
            self._postpone(delays)
        except Exception:
            log.exception("the batch broke off", extra={"data": {"messages": len(messages), "failed": len(failed)}})
        finally:
            self.end()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _settle(self, letter: Letter, seconds_left: SecondsLeft, request_id: str) -> Fate:
        """Work on every object the message speaks of; it succeeds when all of them do."""
        message = letter.message
        last = message.receive_count >= self.max_receive_count
        delivery = Delivery(message.id, message.receive_count, request_id, last_receive=last)
        if letter.fault is not None or not letter.events:
            return self._judge(letter.fault or Outcome(Kind.IGNORED), message, None, request_id)
        fates = [
            self._judge(self._try(event, delivery, seconds_left), message, event, request_id) for event in letter.events
        ]
        return max(fates, key=lambda fate: (not fate.acknowledged, fate.delay or 0))

    def _try(self, event: Event, delivery: Delivery, seconds_left: SecondsLeft) -> "Outcome | Exception":
        try:
            if seconds_left() < (needed := self.seconds_needed()):
                raise NotStarted(f"{seconds_left():.1f} s are left, and {needed:.1f} may be needed")
            return self.handle(event, delivery)
        except Exception as error:  # noqa: BLE001 - every failure has a fate; `fate_of` tells bugs apart
            return error

    def _judge(self, result: Outcome | Exception, message: Message, event: Event | None, request_id: str) -> Fate:
        fate = fate_of(
            result,
            receive_count=message.receive_count,
            max_receive_count=self.max_receive_count,
            now=self.clock(),
            chance=self.chance,
        )
        bug = result if fate.level >= logging.ERROR and isinstance(result, Exception) else None
        line = self._line(result, fate, message, event) | {"request_id": request_id}
        log.log(fate.level, fate.outcome, exc_info=bug, extra={"data": line})
        return fate

    def _line(self, result: Outcome | Exception, fate: Fate, message: Message, event: Event | None) -> dict[str, Any]:
        line: dict[str, Any] = {"outcome": fate.outcome, "message_id": message.id, "receive": message.receive_count}
        if event is not None:
            line |= {"object": f"{event.bucket}/{event.key}", "etag": getattr(event, "etag", None)}
        if isinstance(result, Outcome):
            line |= {"attempt": result.attempt, "size_bytes": result.size_bytes, "timings": result.timings}
        else:
            reason = asdict(reason_of(result))
            line |= {"reason": reason | {"notes": list(getattr(result, "__notes__", ()))}, "delay": fate.delay}
            line |= {"last_receive": message.receive_count >= self.max_receive_count}
        return line | {"queue_delay_ms": round((self.clock() - message.sent_at) * 1000) if message.sent_at else None}

    def _postpone(self, delays: Mapping[str, int]) -> None:
        try:
            if delays:
                self.queue.postpone(delays)
        except Unavailable as error:
            log.warning("not postponed: the queue's own visibility timeout holds", extra={"data": {"why": str(error)}})


def _chains(messages: Sequence[Message]) -> list[Chain[Letter]]:
    letters = chained(map(_opened, messages), lambda letter: letter.objects)
    return [Chain(items, _largest(items)) for items in letters]


def _opened(message: Message) -> Letter:
    try:
        return Letter(message, parse(message.body))
    except Rejected as error:
        return Letter(message, fault=error)


def _largest(letters: Sequence[Letter]) -> int | None:
    """The size of the largest object; None where one is not told, 0 where none is to be fetched."""
    sizes = [event.size for letter in letters for event in letter.events if isinstance(event, ObjectCreated)]
    known = [size for size in sizes if size is not None]
    return max(known, default=0) if len(known) == len(sizes) else None


def fate_of(
    result: Outcome | Exception, *, receive_count: int, max_receive_count: int, now: float, chance: random.Random
) -> Fate:
    """What becomes of a message whose object ended like this: the table above."""
    last = receive_count >= max_receive_count
    if isinstance(result, Outcome):
        return Fate(result.kind, acknowledged=True, level=logging.INFO)
    if isinstance(result, Rejected):
        return Fate("rejected", acknowledged=False, level=logging.WARNING, delay=0)
    if isinstance(result, NotStarted):
        return Fate("not_started", acknowledged=False, level=logging.INFO, delay=0)
    if isinstance(result, Busy):
        wait = max(0.0, result.lease_until - now) + 1 + chance.uniform(0, BUSY_JITTER)
        return Fate("busy", acknowledged=False, level=logging.INFO, delay=round(wait))
    base = BACKOFF[min(receive_count, len(BACKOFF)) - 1]
    delay = round(base * (1 + chance.uniform(0, JITTER)))
    if isinstance(result, DarkroomError):
        return Fate("retryable", acknowledged=False, level=logging.WARNING if last else logging.INFO, delay=delay)
    return Fate("unexpected", acknowledged=False, level=logging.ERROR, delay=delay)
