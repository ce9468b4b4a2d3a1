"""Holds the letters of the dead-letter queue: received to be looked at, hidden meanwhile, and put back.

Receiving is SQS's only way to read. It counts as no attempt: the dead-letter queue has no redrive policy of its own
(`Hold` refuses one that has), and what is sent to the uploads queue again begins with receive 1. A letter is hidden
for ``HIDDEN`` seconds at a time, which a thread prolongs while it is held, and is visible again as soon as the block
ends, however it ends. Only a SIGKILL leaves it hidden, for those seconds.

SQS lets about 120,000 messages of a queue be received at a time, and then answers as if there were no more: what was
counted and not seen is told of in ``unseen``.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from ops.depths import COUNTS, Depth
from ops.dlq.letters import MOST, THREADS, Letter, in_groups
from ops.errors import UsageError
from processing.aws import code_of

HIDDEN: Final = 120  # seconds
WAIT = 1  # seconds of a long poll: an empty answer then comes from all of SQS's servers, not from a few


class Hold:
    """Receives letters and hides them from others until the ``with`` block ends.

    Args:
        sqs: a boto3 SQS client, safe to share between threads.
        url: the dead-letter queue.
        hidden: seconds for which a letter is hidden at a time.
    """

    def __init__(self, sqs: Any, url: str, *, hidden: int = HIDDEN) -> None:
        self.elsewhere = 0  # letters that somebody else had received when reading began
        self.escaped = 0  # letters that could not be kept hidden
        self.expected = 0  # letters that were there to be received, as SQS counted them
        self.unseen = 0  # letters that SQS counted and did not give; its counts lag by up to a minute
        self._counted = 0
        self._refused = False
        self._sqs = sqs
        self._url = url
        self._hidden = hidden
        self._held: dict[str, _Held] = {}
        self._changing = threading.Lock()
        self._prolonging = threading.Lock()
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="letters")
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._refuse_a_queue_that_counts()
        self._keeper.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join()
        try:
            self.release()
        finally:
            self._pool.shutdown()

    def read(self, on_letters: Callable[[int], object] = lambda _count: None) -> list[Letter]:
        """Every letter that can be received, the oldest first; ``on_letters`` is told how many there are so far."""
        letters: dict[str, Letter] = {}

        def receive() -> None:
            empty = 0
            while not self._over.is_set() and empty < (1 if len(letters) >= self.expected else 2):
                received = self._receive()
                fresh = any(letter.message_id not in letters for letter in received)  # or they come round again
                empty = 0 if fresh else empty + 1
                letters.update((letter.message_id, letter) for letter in received)
                on_letters(len(letters))

        with ThreadPoolExecutor(THREADS, thread_name_prefix="readers") as pool:
            readers = [pool.submit(receive) for _ in range(THREADS if self.expected > MOST else 1)]
            try:
                for reader in readers:
                    reader.result()
            except BaseException:
                self._over.set()
                raise
        self.unseen = max(self._counted - len(letters), int(self._refused))
        return sorted(letters.values(), key=lambda letter: (letter.sent_at, letter.message_id))

    def release(self, letters: Iterable[Letter] | None = None) -> None:
        """Make these letters visible again, or all that are held; what is not hidden any more needs nothing."""
        with self._prolonging:  # or a letter could be hidden again by a request that was on its way
            with self._changing:
                names = list(self._held) if letters is None else [letter.message_id for letter in letters]
                handles = [held.handle for name in names if (held := self._held.pop(name, None))]
            self._change(handles, 0)

    def delete(self, letters: Sequence[Letter]) -> list[Letter]:
        """Delete up to ten letters; returns those that SQS did not report as deleted, after a second try."""
        left = list(letters)
        for _ in range(2):
            entries = [{"Id": str(number), "ReceiptHandle": letter.handle} for number, letter in enumerate(left)]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries) if entries else {}
            deleted = {left[int(entry["Id"])].message_id for entry in answer.get("Successful", ())}
            with self._changing:
                for name in deleted:
                    self._held.pop(name, None)
            left = [letter for letter in left if letter.message_id not in deleted]
        return left

    def delete_all(self, letters: Sequence[Letter]) -> list[Letter]:
        """Delete any number of letters; returns those that SQS did not report as deleted."""
        return [letter for left in self._pool.map(self.delete, in_groups(letters, MOST)) for letter in left]

    def _refuse_a_queue_that_counts(self) -> None:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[*COUNTS, "RedrivePolicy"])
        attributes = answer["Attributes"]
        depth = Depth.of(attributes)
        self.expected, self.elsewhere, self._counted = depth.waiting, depth.in_flight, depth.total
        if "deadLetterTargetArn" in attributes.get("RedrivePolicy", ""):
            name = self._url.rpartition("/")[2]
            raise UsageError(f"{name} has a redrive policy of its own, so looking would use up receives: remove that")

    def _receive(self) -> list[Letter]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MOST,
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
        letters = [Letter.of(message) for message in answer.get("Messages", ())]
        until = time.monotonic() + self._hidden
        with self._changing:
            self._held |= {letter.message_id: _Held(letter.handle, until) for letter in letters}
        return letters

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
                    self._held[name] = _Held(held.handle, until)

    def _change(self, handles: Sequence[str], seconds: int) -> set[str]:
        """Set visibility timeouts; returns the handles that SQS refused, whose time was over."""

        def change(some: Sequence[str]) -> list[str]:
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(some)
            ]
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            return [some[int(entry["Id"])] for entry in answer.get("Failed", ())]

        return {handle for refused in self._pool.map(change, in_groups(handles, MOST)) for handle in refused}


@dataclass(frozen=True, slots=True)
class _Held:
    """A handle, and until when (on the monotonic clock) it hides its letter."""

    handle: str
    until: float
