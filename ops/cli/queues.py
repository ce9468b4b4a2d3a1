"""What commands do with queues: read how much one holds, send to it with one retry rule, and hold a rate."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Self, TypeVar

from processing.batch import BACKOFF, JITTER

PREFIX: Final = "ApproximateNumberOfMessages"
COUNTS: Final = (PREFIX, f"{PREFIX}NotVisible", f"{PREFIX}Delayed")
MAX_ENTRIES: Final = 10  # messages in one request
MAX_BYTES: Final = 250_000  # in one request, which SQS has always accepted (its limit was 256 KiB for long)
THREADS: Final = 8  # requests at once
TRIES: Final = 5
FIRST_PAUSE: Final = 0.5  # seconds; each is twice the last
MAX_CATCH_UP: Final = 2.0  # seconds; after a longer stand the limiter does not send everything that was due at once
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages in one queue. SQS's counts are approximate."""

    waiting: int
    in_flight: int
    delayed: int

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> Self:
        """Out of a queue's attributes."""
        return cls(*(int(attributes[name]) for name in COUNTS))

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth_of(sqs: Any, url: str) -> Depth:
    """What a queue holds now; ``sqs`` is a boto3 client."""
    return Depth.of(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*COUNTS])["Attributes"])


def longest_wait(sqs: Any, url: str) -> float:
    """Seconds to a message's last receive at most, with every retry, and one invocation that is killed and hides it."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return int(answer["Attributes"]["VisibilityTimeout"]) + sum(BACKOFF) * (1 + JITTER)


class RateLimiter:
    """Grants so many a second, and makes up for what was granted late; with no rate, grants at once.

    Args:
        clock, pause: of seconds.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._pause = pause
        self._due: float | None = None

    @property
    def step(self) -> int:
        """How many to request at once, so that a low rate comes evenly."""
        return MAX_ENTRIES if self._rate is None else max(1, min(MAX_ENTRIES, int(self._rate / 2)))

    def wait(self, count: int) -> None:
        """Return when ``count`` more may go."""
        if self._rate is None:
            return
        now = self._clock()
        if self._due is None or now - self._due > MAX_CATCH_UP:
            self._due = now
        if self._due > now:
            self._pause(self._due - now)
        self._due += count / self._rate


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to send.

    Args:
        group: the tenant of the queue whose message it is: messages of other tenants overtake.
            https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    body: str
    group: str
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """About how many bytes of a request it takes."""
        return len(self.body.encode()) + len(repr(self.attributes))

    def entry(self, number: int) -> dict[str, Any]:
        """Its entry in a request."""
        entry: dict[str, Any] = {"Id": str(number), "MessageBody": self.body, "MessageGroupId": self.group}
        return entry | ({"MessageAttributes": self.attributes} if self.attributes else {})


class NotSent(Exception):
    """SQS refused some messages, by the number of each in what was to be sent; the rest has been sent."""

    def __init__(self, refused: Mapping[int, str]) -> None:
        super().__init__(", ".join(sorted(set(refused.values()))))
        self.refused = dict(refused)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one queue; any number of threads may share it.

    Args:
        sqs: a boto3 client.
        pause: waits for so many seconds.
    """

    sqs: Any
    url: str
    pause: Callable[[float], None] = time.sleep

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Send the messages of one request (`MAX_ENTRIES`, `MAX_BYTES`), and again those that SQS did not take.

        SendMessageBatch answers 200 whatever became of the single messages, and lists those that failed. A message
        that is itself at fault is final; any other is sent again, and one that is in neither list too.

        Raises:
            NotSent: some were refused for what they are, or again and again.
        """
        left, refused = dict(enumerate(messages)), dict[int, str]()
        for tries in range(TRIES):
            if tries:
                self.pause(FIRST_PAUSE * 2 ** (tries - 1))
            entries = [message.entry(number) for number, message in left.items()]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            failed = {int(entry["Id"]): entry for entry in answer.get("Failed", ())}
            sent = {int(entry["Id"]) for entry in answer.get("Successful", ())}
            refused |= {number: _why(entry) for number, entry in failed.items() if entry.get("SenderFault")}
            left = {number: each for number, each in left.items() if number not in sent and number not in refused}
            if not left:
                break
        refused |= {number: _why(failed.get(number, {})) for number in left}
        if refused:
            raise NotSent(refused)


@dataclass
class BulkSender(Generic[Item]):
    """Sends any number of messages, each with the item that it is made of, several requests at once.

    Args:
        on_sent: called with the items of each request that SQS reported as sent, in the thread that sent them.
    """

    sender: Sender
    limiter: RateLimiter
    on_sent: Callable[[Sequence[Item]], object] = lambda _items: None
    sent: list[Item] = field(default_factory=list)
    refused: list[tuple[Item, str]] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def send(self, messages: Iterable[tuple[Item, OutgoingMessage]], stop: Callable[[], bool] = lambda: False) -> None:
        """Send these, until ``stop`` returns True; requests that have begun are finished, however this ends."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="sender") as pool:
            for batch in _batches(messages, self.limiter.step):
                if len(running) == THREADS:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        future.result()
                self.limiter.wait(len(batch))
                if stop():
                    break
                running.add(pool.submit(self._send, batch))
            for future in running:
                future.result()

    def _send(self, batch: Sequence[tuple[Item, OutgoingMessage]]) -> None:
        refused: dict[int, str] = {}
        try:
            self.sender.send([message for _, message in batch])
        except NotSent as error:
            refused = error.refused
        sent = [item for number, (item, _) in enumerate(batch) if number not in refused]
        with self._counting:
            self.sent += sent
            self.refused += [(batch[number][0], why) for number, why in sorted(refused.items())]
        self.on_sent(sent)


def chunks(items: Sequence[Item], size: int = MAX_ENTRIES) -> Iterator[Sequence[Item]]:
    """The items in groups of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _batches(
    messages: Iterable[tuple[Item, OutgoingMessage]], limit: int
) -> Iterator[Sequence[tuple[Item, OutgoingMessage]]]:
    """What one request takes, by number and by size."""
    batch: list[tuple[Item, OutgoingMessage]] = []
    size = 0
    for item, message in messages:
        if batch and (len(batch) == limit or size + message.size > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((item, message))
        size += message.size
    if batch:
        yield batch


def _why(entry: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (entry.get("Code", "no answer"), entry.get("Message", ""))))
