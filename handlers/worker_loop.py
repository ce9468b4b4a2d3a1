"""Receive, process, delete, until a signal: what Lambda does around the consumer, for a worker outside it.

::

    receive (long poll) -> Batch.process -> delete what succeeded -> receive ...
      SIGTERM, SIGINT     nothing more is received; what is in hand is finished in the seconds that are left to stop
      a second signal     what is in hand is visible to other workers at once, and the process ends
      FUNCTION_TIMEOUT    of a batch has passed: the process ends, as Lambda ends an invocation

A long poll is never broken off, since SQS may have handed out messages to it already: what it brings is processed. As
long as the process lives, its heartbeat is not older than one request to SQS.
"""

import faulthandler
import logging
import math
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from handlers.worker_queue import ReceivingQueue
from processing.batch import Batch
from processing.errors import Retryable, Unavailable
from processing.messages import Message

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
BEAT: Final = 10.0  # seconds between two heartbeats while a batch is processed
TO_DELETE: Final = 10.0  # seconds of those left to stop that no batch may use
MAX_PAUSE: Final = 20.0  # seconds after a failed receive; the first pause is one second at most

log = logging.getLogger("darkroom")
Answer = dict[str, list[dict[str, str]]]


class StopRequest:
    """Counts the requests to stop; threads share it.

    Args:
        seconds: from the first request to the end of the process.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._count = 0
        self.deadline = math.inf  # by the clock

    @property
    def is_requested(self) -> bool:
        return self._count > 0

    @property
    def is_urgent(self) -> bool:
        return self._count > 1

    def request(self) -> None:
        """Request a stop; a second time, at once."""
        with self._changed:
            self._count += 1
            self.deadline = min(self.deadline, self._clock() + self._seconds)
            self._changed.notify_all()

    def wake(self) -> None:
        """Have `wait` look at its condition again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until the condition is true, at most so many seconds; whether it is."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def listen(self) -> None:
        """Have signals request it; those that came since `block_signals` too."""
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def _listen(self) -> None:
        while True:
            number = signal.sigwait(SIGNALS)
            self.request()
            line = {"signal": signal.Signals(number).name, "requests": self._count}
            log.info("the worker stops", extra={"data": line})


def block_signals() -> None:
    """Block them in this thread, and in all threads and processes that it starts: a renderer ends with the worker only.

    A terminal's Ctrl-C and some supervisors signal every process of a group.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """End this process, with the stack of every thread on standard error, if the work takes longer than that.

    By a thread that needs no interpreter: code that hangs in a library is ended too.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@dataclass(frozen=True, slots=True)
class PollingLoop:
    """Processes one batch after the other.

    Args:
        function_timeout: seconds for a batch; then ``ended_after`` ends the process.
        beat: called at least every `BEAT` seconds, but for the time of one request to SQS.
    """

    queue: ReceivingQueue
    batch: Batch
    stop: StopRequest
    function_timeout: float
    beat: Callable[[], None]
    ended_after: Callable[[float], AbstractContextManager[None]] = ended_after
    rng: random.Random = field(default_factory=random.Random)
    clock: Callable[[], float] = time.monotonic
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="batch"))

    def run(self) -> bool:
        """Work until a stop is requested; False if messages were given back, and the thread of a batch still runs.

        Raises:
            Exception: a bug; the messages in hand come back when the queue's visibility timeout ends.
        """
        failures = 0
        while self._goes_on():
            try:
                messages = self.queue.receive(self._goes_on)
            except Retryable as error:
                self._pause(error, failures)
                failures += 1
                continue
            failures = 0
            if messages and not self._finish(messages):
                return False
        return True

    def _goes_on(self) -> bool:
        """Whether to receive; called before each request, which the heartbeat may be as old as."""
        if self.stop.is_requested:
            return False
        self.beat()
        return True

    def _pause(self, error: Retryable, failures: int) -> None:
        pause = min(MAX_PAUSE, 2.0**failures) * self.rng.uniform(0.5, 1)
        log.warning("no messages were received", extra={"data": {"why": str(error), "pause": round(pause, 1)}})
        self.stop.wait(lambda: self.stop.is_requested, pause)

    def _finish(self, messages: Sequence[Message]) -> bool:
        """Process and delete, or give back."""
        if self.stop.is_urgent:
            return self._give_back(messages)
        with self.ended_after(self.function_timeout):
            running = self._start(messages)
            while not self.stop.wait(lambda: running.done() or self.stop.is_urgent, BEAT):
                self.beat()
        if not running.done():
            return self._give_back(messages)
        failed = {entry["itemIdentifier"] for entry in running.result()["batchItemFailures"]}
        self.queue.delete([message for message in messages if message.id not in failed])
        return True

    def _start(self, messages: Sequence[Message]) -> "Future[Answer]":
        end = self.clock() + self.function_timeout
        running = self._thread.submit(
            self.batch.process,
            messages,
            seconds_left=lambda: min(end, self.stop.deadline - TO_DELETE) - self.clock(),
            request_id=str(uuid.uuid4()),
        )
        running.add_done_callback(lambda _: self.stop.wake())
        return running

    def _give_back(self, messages: Sequence[Message]) -> bool:
        line: dict[str, object] = {"message_ids": [message.id for message in messages]}
        try:
            self.queue.give_back(messages)
        except Unavailable as error:
            line["why"] = str(error)
        log.warning("messages were given back unfinished", extra={"data": line})
        return False
