"""The messages of the dead-letter queue: received to be read, hidden meanwhile, and put back or deleted.

Receiving is SQS's only way to read. It counts as no attempt: `HeldMessages` refuses a dead-letter queue with a redrive
policy of its own, and what is sent to the uploads queue again begins with receive 1. A message is hidden for ``HIDDEN``
seconds at a time, which a thread prolongs, and is visible again as soon as the block ends; after a SIGKILL, then. SQS
lets about 120,000 messages of a queue be received at a time, and then answers as if there were no more.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from ops.cli.dlq.causes import DeadMessage
from ops.cli.queues import COUNTS, MAX_ENTRIES, THREADS, Depth, chunks
from ops.errors import UsageError
from processing.storage.refusals import code_of

HIDDEN: Final = 120  # seconds
WAIT = 1  # seconds of a long poll: an empty answer then comes from all of SQS's servers, not from a few
TIMEOUT: Final = "VisibilityTimeout"  # the queue's attribute


class HeldMessages:
    """Receives messages and hides them from others until the ``with`` block ends.

    Args:
        sqs: a boto3 SQS client, safe to share between threads.
        url: the dead-letter queue.
        hidden: seconds for which a message is hidden at a time.
    """

    def __init__(self, sqs: Any, url: str, *, hidden: int = HIDDEN) -> None:
        self.elsewhere = 0  # messages that somebody else had received when reading began
        self.escaped = 0  # messages that could not be kept hidden
        self.expected = 0  # messages that SQS counted as there to be received
        self.seen = 0  # messages that were read
        self.deleted = 0  # messages that SQS reported as deleted
        self.unseen = 0  # messages that SQS counted and did not give; its counts lag by up to a minute
        self._counted = 0
        self._refused = False
        self._sqs = sqs
        self._url = url
        self._hidden = hidden
        self._held: dict[str, _Handle] = {}
        self._changing = threading.Lock()
        self._in_flight = 0  # requests that receive or delete
        self._idle = threading.Condition(self._changing)
        self._prolonging = threading.Lock()
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="messages")
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._check_queue()
        self._keeper.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join()
        self._settle()
        try:
            self.release()
        finally:
            self._pool.shutdown()

    def read(
        self, on_messages: Callable[[int], object] = lambda _count: None, *, most: int | None = None
    ) -> list[DeadMessage]:
        """About ``most`` messages that are not held yet, the oldest first; ``on_messages`` is called with a number."""
        messages: dict[str, DeadMessage] = {}

        def is_enough() -> bool:
            return self._over.is_set() or len(messages) >= (inf if most is None else most)

        def receive() -> None:
            empty = 0
            while not is_enough() and empty < (1 if len(messages) >= self.expected else 2):
                received = self._receive()
                fresh = any(each.message_id not in messages for each in received)  # or they come round again
                empty = 0 if fresh else empty + 1
                messages.update((each.message_id, each) for each in received)
                on_messages(len(messages))

        with ThreadPoolExecutor(THREADS, thread_name_prefix="readers") as pool:
            try:
                readers = [pool.submit(receive) for _ in range(THREADS if self.expected > MAX_ENTRIES else 1)]
                for reader in readers:
                    reader.result()
            except BaseException:
                self._over.set()
                raise
        self.seen += len(messages)
        self.unseen = max(self._counted - self.seen, int(self._refused))
        return sorted(messages.values(), key=lambda each: (each.sent_at, each.message_id))

    def release(self, messages: Iterable[DeadMessage] | None = None) -> None:
        """Make these messages visible again, or all that are held; what is not hidden any more needs nothing."""
        with self._prolonging:  # or a message could be hidden again by a request that was on its way
            with self._changing:
                names = list(self._held) if messages is None else [each.message_id for each in messages]
                handles = [held.handle for name in names if (held := self._held.pop(name, None))]
            self._change(handles, 0)

    def delete(self, messages: Sequence[DeadMessage]) -> list[DeadMessage]:
        """Delete up to ten messages; returns those that SQS did not report as deleted, after a second try."""
        with self._requesting():
            return self._delete(list(messages))

    def _delete(self, left: list[DeadMessage]) -> list[DeadMessage]:
        for _ in range(2):
            entries = [{"Id": str(number), "ReceiptHandle": each.handle} for number, each in enumerate(left)]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries) if entries else {}
            deleted = {left[int(entry["Id"])].message_id for entry in answer.get("Successful", ())}
            with self._changing:
                self.deleted += len(deleted)
                for name in deleted:
                    self._held.pop(name, None)
            left = [each for each in left if each.message_id not in deleted]
        return left

    def delete_all(self, messages: Sequence[DeadMessage]) -> list[DeadMessage]:
        """Delete any number of messages; returns those that SQS did not report as deleted.

        Interrupted, it lets the requests that have begun end, so that ``deleted`` is true.
        """
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="deletions")
        try:
            return [each for left in pool.map(self.delete, chunks(messages)) for each in left]
        finally:
            pool.shutdown(cancel_futures=True)
            self._settle()

    @contextmanager
    def _requesting(self) -> Iterator[None]:
        with self._changing:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def _settle(self) -> None:
        """Wait for the requests that have begun: an executor joins no thread that it was starting at a signal."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0)

    def _check_queue(self) -> None:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[*COUNTS, "RedrivePolicy", TIMEOUT])
        attributes = answer["Attributes"]
        depth = Depth.of(attributes)
        self.longest = max(self._hidden, int(attributes.get(TIMEOUT, 0)))
        self.expected, self.elsewhere, self._counted = depth.waiting, depth.in_flight, depth.total
        if "deadLetterTargetArn" in attributes.get("RedrivePolicy", ""):
            name = self._url.rpartition("/")[2]
            raise UsageError(f"{name} has a redrive policy of its own, so reading it uses up receives: remove that")

    def _receive(self) -> list[DeadMessage]:
        with self._requesting():
            return [] if self._over.is_set() else self._receive_some()

    def _receive_some(self) -> list[DeadMessage]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_ENTRIES,
                VisibilityTimeout=self._hidden,
                WaitTimeSeconds=WAIT,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except ClientError as error:
            if code_of(error) in ("OverLimit", "AWS.SimpleQueueService.OverLimit"):
                self._refused = True
                return []
            raise
        messages = [DeadMessage.of(message) for message in answer.get("Messages", ())]
        until = time.monotonic() + self._hidden
        with self._changing:
            self._held |= {each.message_id: _Handle(each.handle, until) for each in messages}
        return messages

    def _keep(self) -> None:
        """Hide what is held for longer, whenever half of its time is over."""
        while not self._over.wait(self._hidden / 8):
            try:
                with self._prolonging:
                    self._prolong()
            except (BotoCoreError, ClientError):
                continue  # what reaches nobody now is tried again; what ends meanwhile is counted as escaped then

    def _prolong(self) -> None:
        now = time.monotonic()
        with self._changing:
            due = [(name, held) for name, held in self._held.items() if held.until < now + self._hidden / 2]
        until = now + self._hidden
        refused = self._change([held.handle for _, held in due], self._hidden)
        with self._changing:
            for name, held in due:
                if held.handle in refused:
                    self.escaped += self._held.pop(name, None) is not None
                elif name in self._held:
                    self._held[name] = _Handle(held.handle, until)

    def _change(self, handles: Sequence[str], seconds: int) -> set[str]:
        """Set visibility timeouts; returns the handles that SQS refused, whose time was over."""

        def change(some: Sequence[str]) -> list[str]:
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(some)
            ]
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            return [some[int(entry["Id"])] for entry in answer.get("Failed", ())]

        return {handle for refused in self._pool.map(change, chunks(handles)) for handle in refused}


@dataclass(frozen=True, slots=True)
class _Handle:
    """A handle, and until when it hides its message."""

    handle: str
    until: float  # on the monotonic clock
