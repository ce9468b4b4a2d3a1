"""The event source mapping, played as Lambda plays it: poll, batch, invoke, delete what succeeded."""

import os
import threading
import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import StackError
from ops.local.deployed import EventSourceMapping, InvalidAnswerError, check, failed_messages
from ops.local.environments import Environments
from ops.local.invocation import Environment, FunctionError, FunctionTimeoutError
from ops.local.live import LOOK
from ops.local.poller import MOST_AT_ONCE, Poller, Record
from ops.local.program import Program


@dataclass
class Counts:
    """What the player has done so far."""

    batches: int = 0
    """Invocations begun, one for each batch."""
    finished: int = 0
    """Invocations ended, and what succeeded in them deleted."""
    messages: int = 0
    """Messages handed to the function, each time they were."""
    deleted: int = 0
    """Messages that succeeded."""
    failures: int = 0
    """Invocations that failed whole: an exception, an answer that cannot be understood, a crash, a timeout."""
    timeouts: int = 0
    """Those among the failures that were killed at the function timeout."""
    cold_starts: int = 0


class Player:
    """Keeps up to a number of execution environments busy with one queue's messages.

    No message is received before an environment is free to take it: that is what MaximumConcurrency means, and why it
    does not raise receive counts as throttling does. A warm environment is preferred to a new one.

    Args:
        sqs: a boto3 SQS client, safe to share between threads.
        mapping: the event source mapping as it is deployed now; it is looked at once a second.
        program: the function as it is deployed now.
        environ: what makes an AWS SDK in a child process talk to the same emulator.
        log_dir: gets one file for each environment, with what the function prints.
        environments: at most this many, and never more than MaximumConcurrency; the number of cores when not given.
    """

    def __init__(
        self,
        sqs: Any,
        mapping: Callable[[], EventSourceMapping],
        program: Callable[[], Program],
        *,
        environ: dict[str, str],
        log_dir: Path,
        environments: int | None = None,
    ) -> None:
        self.counts = Counts()
        self.paused = False
        self._sqs = sqs
        self._read_mapping = mapping
        self._mapping = mapping()
        self._program = program
        self._log_dir = log_dir
        self._next_look = 0.0
        self._most = environments or os.cpu_count() or 1
        self._environments = Environments(program, environ=environ, log_dir=log_dir, most=self._most)
        self._queue_url = ""
        self._changed = threading.Condition()
        self._stopping = False
        self._broken: BaseException | None = None
        self._invocations = ThreadPoolExecutor(self._most, thread_name_prefix="invocation")
        self._poller = threading.Thread(target=self._watched, args=(self._poll,), name="poller")

    def start(self) -> None:
        """Begin to poll; returns at once.

        Raises:
            StackError: Lambda would refuse this mapping.
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._queue_url = self._sqs.get_queue_url(QueueName=self._mapping.queue_name)["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["VisibilityTimeout"])
        check(self._program().function, answer["Attributes"])
        self._poller.start()

    def stop(self) -> None:
        """Stop polling, let running invocations end (the function timeout bounds the wait), end every process.

        Interrupted, it leaves that to `kill`: a poller that waits for a hung emulator ends when that does.

        Raises:
            StackError: the player had broken down meanwhile.
        """
        self._stop_polling()
        self._join_poller()
        self._invocations.shutdown()
        self.kill()
        self.raise_if_broken()

    def kill(self) -> None:
        """End every process at once, with whatever runs in it; its messages come back, as after a crash."""
        self._stop_polling()
        self._environments.end()
        self._join_poller()
        self._invocations.shutdown()
        self._environments.close()

    def environment_pids(self) -> list[int]:
        """The process ids of the warm execution environments."""
        return self._environments.pids()

    def raise_if_broken(self) -> None:
        """Say so when the player itself, not the function, has failed: nobody polls any more.

        Raises:
            StackError: it has.
        """
        if self._broken is not None:
            raise StackError(f"the local stack stopped polling: {self._broken}") from self._broken

    def _stop_polling(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _join_poller(self) -> None:
        if self._poller.ident is not None:
            self._poller.join()

    def _watched(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - kept for raise_if_broken: a thread has nobody to raise to
            self._broken = error
            self._stop_polling()

    def _poll(self) -> None:
        poller = Poller(self._sqs, self._queue_url, self._mapping, lambda: self._stopping)
        while self._wait_until_enabled() and self._wait_for_room():
            poller.mapping = self._mapping
            batch = poller.next_batch()
            if batch:
                self._invocations.submit(self._watched, self._run, self._environments.take(), batch)

    def _wait_until_enabled(self) -> bool:
        while not self._stopping:
            if time.monotonic() >= self._next_look:
                self._mapping = self._read_mapping()
                self._environments.most = min(self._mapping.maximum_concurrency, self._most)
                self.paused = not self._mapping.enabled
                self._next_look = time.monotonic() + LOOK
            if not self.paused:
                return True
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, LOOK)
        return False

    def _wait_for_room(self) -> bool:
        self._environments.wait_for_one()
        return not self._stopping

    def _run(self, environment: Environment, batch: Sequence[Record]) -> None:
        try:
            failed = self._invoke(environment, batch)
            self._delete([record for record in batch if record["messageId"] not in failed])
            self._count(finished=1)
        finally:
            self._environments.give_back(environment)

    def _invoke(self, environment: Environment, batch: Sequence[Record]) -> Set[str]:
        """Invoke the function and return the ids of the messages that failed."""
        ids = frozenset(record["messageId"] for record in batch)
        self._count(batches=1, messages=len(batch), cold_starts=environment.pid is None)
        try:
            answer = environment.invoke({"Records": list(batch)})
            return failed_messages(answer, ids) if self._mapping.reports_failures else frozenset()
        except (FunctionError, InvalidAnswerError) as error:
            self._count(failures=1, timeouts=isinstance(error, FunctionTimeoutError))
            environment.note(f"the batch of {len(batch)} failed: {error}")
            return ids

    def _delete(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), MOST_AT_ONCE):
            chunk = records[start : start + MOST_AT_ONCE]
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]} for number, record in enumerate(chunk)
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            self._count(deleted=len(answer.get("Successful", [])))

    def _count(self, **more: int) -> None:
        with self._changed:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)
