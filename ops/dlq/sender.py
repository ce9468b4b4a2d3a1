"""Sends letters to the uploads queue again, and deletes only what SQS reported as sent.

A command that dies between the two leaves a message in both queues: the ledger absorbs the duplicate. Nothing is ever
deleted that was not sent. The message is the same, but for two things that are added: an attribute that tells which
redrive sent it, so that a letter that comes back is known, and a message group, by which SQS lets live uploads
overtake (a fair queue; a message without one is a tenant of its own).
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from ops.dlq.causes import REDRIVE, Case
from ops.dlq.letters import MOST, THREADS, Letter
from ops.pace import Pace

GROUP = "darkroom-redrive"
MOST_BYTES = 250_000  # in one request, which SQS has always taken (its limit was 256 KiB for long)
MOST_ATTRIBUTES = 10  # of one message


@dataclass
class Tally:
    """What became of the cases. ``left`` were sent and are letters still, as deleting them failed: duplicates."""

    sent: list[Case] = field(default_factory=list)
    refused: list[tuple[Case, str]] = field(default_factory=list)
    left: list[Case] = field(default_factory=list)


class Source(Protocol):
    """Where letters come from; deleting up to ten of them returns those that are there still."""

    def delete(self, letters: Sequence[Letter]) -> list[Letter]: ...


class Sender:
    """Sends letters, several requests at once.

    Args:
        sqs: a boto3 SQS client, safe to share between threads.
        url: where to.
        source: where they are deleted when they were sent.
        mark: the redrive, as its history names it.
        on_sent: told the cases of each request that were sent.
    """

    def __init__(
        self,
        sqs: Any,
        url: str,
        source: Source,
        pace: Pace,
        *,
        mark: str,
        on_sent: Callable[[Sequence[Case]], object] = lambda _cases: None,
    ) -> None:
        self.tally = Tally()
        self._sqs = sqs
        self._url = url
        self._source = source
        self._pace = pace
        self._mark = mark
        self._on_sent = on_sent
        self._counting = threading.Lock()

    def send(self, cases: Sequence[Case], *, stop: Callable[[], bool] = lambda: False) -> None:
        """Send these, until ``stop`` says so; what is being sent is finished, however this ends."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="sender") as pool:
            for batch in batches(cases, self._pace.step):
                if len(running) == THREADS:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        future.result()
                self._pace.wait(len(batch))
                if stop():
                    break
                running.add(pool.submit(self._send, batch))
            for future in running:
                future.result()

    def _send(self, batch: Sequence[Case]) -> None:
        entries = [self._entry(number, case) for number, case in enumerate(batch)]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        sent = [batch[int(entry["Id"])] for entry in answer.get("Successful", ())]
        refused = [(batch[int(entry["Id"])], _why(entry)) for entry in answer.get("Failed", ())]
        with self._counting:
            self.tally.sent += sent
            self.tally.refused += refused
        kept = {letter.message_id for letter in self._source.delete([case.letter for case in sent])}
        with self._counting:
            self.tally.left += [case for case in sent if case.letter.message_id in kept]
            self._on_sent(sent)

    def _entry(self, number: int, case: Case) -> dict[str, Any]:
        return entry_of(
            number,
            case.letter.body,
            case.letter.message_attributes,
            group=case.letter.attributes.get("MessageGroupId", GROUP),
            mark=self._mark,
        )


def entry_of(
    number: int, body: str, attributes: Mapping[str, Mapping[str, Any]], *, group: str, mark: str = ""
) -> dict[str, Any]:
    """An entry of SendMessageBatch; ``mark`` is added to the attributes where there is room."""
    added = {
        name: {kind: value[kind] for kind in ("DataType", "StringValue", "BinaryValue") if kind in value}
        for name, value in attributes.items()
    }
    if mark and (REDRIVE in added or len(added) < MOST_ATTRIBUTES):
        added[REDRIVE] = {"DataType": "String", "StringValue": mark}
    return {"Id": str(number), "MessageBody": body, "MessageAttributes": added, "MessageGroupId": group}


def batches(cases: Sequence[Case], most: int = MOST) -> Iterator[Sequence[Case]]:
    """The cases in groups that one request takes, by number and by size."""
    batch: list[Case] = []
    size = 0
    for case in cases:
        own = len(case.letter.body.encode()) + len(repr(case.letter.message_attributes))
        if batch and (len(batch) == most or size + own > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(case)
        size += own
    if batch:
        yield batch


def _why(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('Code', 'refused')}: {entry.get('Message', 'no reason given')}"
