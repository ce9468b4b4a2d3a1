"""Lambda's partial batch responses, and the one rule that maps an outcome to the fate of its message and a log level.

========================  ===========  =============================  ==================================
outcome                   message      retried                        log
========================  ===========  =============================  ==================================
done, duplicate, ...      acknowledged                                info
rejected                  failed       at once, towards the DLQ       warning
busy                      failed       when the lease ends, + jitter  info
retryable                 failed       after BACKOFF, by receives     info; warning on the last receive
unexpected (a bug)        failed       as retryable                   error, with traceback
not started               failed       within 4 minutes, at random    info
========================  ===========  =============================  ==================================

Only SQS's redrive policy moves a message to the dead-letter queue: after ``max_receive_count`` receives.
"""

import logging
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from processing.concurrency import in_this_thread
from processing.errors import Busy, DarkroomError, NotStarted, Rejected, Unavailable
from processing.events import Event, ObjectCreated
from processing.ledger import Delivery, reason_of
from processing.messages import GroupExecutor, Message, MessageGroup, ParsedMessage, in_groups
from processing.outcome import Kind, Outcome
from processing.sandbox.capacity import TimeBudget

log = logging.getLogger("darkroom")

# Seconds after the first, second, ... receive; the last one repeats. The jitter only adds, so that a message whose
# earlier receives failed for other causes still outlives an outage of an hour by the last delay alone.
BACKOFF = (40, 240, 900, 3600)
JITTER = 0.25
BUSY_JITTER = 5  # seconds
NOT_STARTED_JITTER = 240  # seconds: so that these messages do not return in one batch


@dataclass(frozen=True, slots=True)
class Fate:
    """The handling of a message. ``delay`` is in seconds; None leaves the queue's visibility timeout unchanged."""

    outcome: str
    acknowledged: bool
    level: int
    delay: int | None = None


class Queue(Protocol):
    """The uploads queue."""

    def postpone(self, delays: Mapping[str, int]) -> None: ...


Handle = Callable[[Event, Delivery], Outcome]
SecondsLeft = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Batch:
    """Processes batches.

    Args:
        handle: processes one object, as `Worker.handle`; must be thread-safe if ``executor`` uses threads.
        budget: the time that is left in the invocation.
        begin: called at the beginning of an invocation, with a function that returns the seconds left.
        end: called after each batch, even if it failed.
        executor: runs the work for the groups of messages.
    """

    handle: Handle
    queue: Queue
    budget: TimeBudget
    max_receive_count: int
    clock: Callable[[], float]
    rng: random.Random
    begin: Callable[[SecondsLeft], None] = lambda _: None
    end: Callable[[], None] = lambda: None
    executor: GroupExecutor[ParsedMessage] = in_this_thread

    def process(
        self, messages: Sequence[Message], *, seconds_left: SecondsLeft, request_id: str = ""
    ) -> dict[str, list[dict[str, str]]]:
        """Process a batch; the answer names every message that must be retried.

        All messages count as failed until they have succeeded, so that no error loses one. Fates are kept by
        position: SQS may deliver one message twice in a batch, with the same id.
        """
        fates: dict[int, Fate] = {}

        def work(group: MessageGroup[ParsedMessage]) -> None:
            for parsed in group.items:
                with _reported(f"processing message {parsed.message.id} failed"):
                    fates[parsed.position] = self._close(parsed, request_id)

        try:
            with _reported("processing the batch failed"):
                self.begin(seconds_left)
                self.budget.begin(seconds_left)
                self.executor(work, in_groups(messages))
        finally:
            with _reported("failed messages were not postponed"):
                self._postpone(_delays(messages, fates))
            with _reported("the callback after the batch failed"):
                self.end()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in _failed(messages, fates)]}

    def _close(self, parsed: ParsedMessage, request_id: str) -> Fate:
        """Process every object of a message, which succeeds when all of them do."""
        message = parsed.message
        last = message.receive_count >= self.max_receive_count
        delivery = Delivery(message.id, message.receive_count, request_id, last_receive=last, trace=message.trace)
        if parsed.fault is not None or not parsed.events:
            return self._judge(parsed.fault or Outcome(Kind.IGNORED), message, None, request_id)
        fates = [self._judge(self._try(event, delivery), message, event, request_id) for event in parsed.events]
        return max(fates, key=lambda fate: (not fate.acknowledged, fate.delay or 0))

    def _try(self, event: Event, delivery: Delivery) -> Outcome | Exception:
        try:
            self.budget.check()
            return self.handle(event, delivery)
        except Exception as error:  # noqa: BLE001 - every failure has a fate; `fate_of` recognizes bugs
            return error

    def _judge(self, result: Outcome | Exception, message: Message, event: Event | None, request_id: str) -> Fate:
        fate = fate_of(
            result,
            receive_count=message.receive_count,
            max_receive_count=self.max_receive_count,
            now=self.clock(),
            rng=self.rng,
        )
        with _reported(f"the outcome of message {message.id} was not logged"):
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
            line |= {"puts": result.puts, "ready_ms": self._ready_ms(result, message, event)}
        else:
            why = reason_of(result)
            reason = {"cause": why.cause, "message": why.message, "fingerprint": why.fingerprint}
            line |= {"reason": reason | {"notes": list(getattr(result, "__notes__", ()))}, "delay": fate.delay}
            line |= {"last_receive": message.receive_count >= self.max_receive_count}
        return line | {"queue_delay_ms": round((self.clock() - message.sent_at) * 1000) if message.sent_at else None}

    def _ready_ms(self, outcome: Outcome, message: Message, event: Event | None) -> int | None:
        if outcome.kind is not Kind.DONE or not isinstance(event, ObjectCreated):
            return None
        return event.ready_ms(sent=message.sent_at, now=self.clock())

    def _postpone(self, delays: Mapping[str, int]) -> None:
        try:
            if delays:
                self.queue.postpone(delays)
        except Unavailable as error:
            log.warning(
                "messages were not postponed: the queue's visibility timeout applies",
                extra={"data": {"why": str(error)}},
            )


@contextmanager
def _reported(failure: str) -> Iterator[None]:
    """Log an exception instead of raising it; print it if logging itself fails."""
    try:
        yield
    except Exception:  # noqa: BLE001 - it is logged, and the batch goes on
        try:
            log.exception(failure)
        except Exception:  # noqa: BLE001 - a log handler failed
            traceback.print_exc()


def _failed(messages: Sequence[Message], fates: Mapping[int, Fate]) -> list[str]:
    """The ids of the messages that were not acknowledged, each once."""
    done = {position for position, fate in fates.items() if fate.acknowledged}
    return list(dict.fromkeys(message.id for position, message in enumerate(messages) if position not in done))


def _delays(messages: Sequence[Message], fates: Mapping[int, Fate]) -> dict[str, int]:
    """The delays of the failed messages, by receipt handle; the longest if two messages have the same handle.

    A message without a fate was interrupted or not started, and has the delay of any other failure.
    """
    delays: dict[str, int] = {}
    for position, message in enumerate(messages):
        fate = fates.get(position)
        delay = fate.delay if fate else _backoff(message.receive_count)
        if delay is not None and message.receipt_handle:
            delays[message.receipt_handle] = max(delay, delays.get(message.receipt_handle, 0))
    return delays


def fate_of(
    result: Outcome | Exception, *, receive_count: int, max_receive_count: int, now: float, rng: random.Random
) -> Fate:
    """The fate of a message by the result of one of its objects: the table above."""
    last = receive_count >= max_receive_count
    if isinstance(result, Outcome):
        return Fate(result.kind, acknowledged=True, level=logging.INFO)
    if isinstance(result, Rejected):
        return Fate("rejected", acknowledged=False, level=logging.WARNING, delay=0)
    if isinstance(result, NotStarted):
        delay = round(rng.uniform(0, NOT_STARTED_JITTER))
        return Fate("not_started", acknowledged=False, level=logging.INFO, delay=delay)
    if isinstance(result, Busy):
        wait = max(0.0, result.lease_until - now) + 1 + rng.uniform(0, BUSY_JITTER)
        return Fate("busy", acknowledged=False, level=logging.INFO, delay=round(wait))
    delay = round(_backoff(receive_count) * (1 + rng.uniform(0, JITTER)))
    if isinstance(result, DarkroomError):
        return Fate("retryable", acknowledged=False, level=logging.WARNING if last else logging.INFO, delay=delay)
    return Fate("unexpected", acknowledged=False, level=logging.ERROR, delay=delay)


def _backoff(receive_count: int) -> int:
    return BACKOFF[min(receive_count, len(BACKOFF)) - 1]
