"""A stream's event source mapping, played as Lambda plays it: read, filter, batch, invoke, at least once."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import StackError
from ops.local.deployed import InvalidAnswerError, failed_messages
from ops.local.environments import Environments
from ops.local.invocation import FunctionError
from ops.local.live import LOOK
from ops.local.program import Program
from ops.local.stream_mapping import StreamMapping, StreamRecord, as_lambda_has_it, given_up

POLL = 0.2
"""Seconds between two looks into a stream with nothing new; Lambda looks four times a second."""
QUIET = 5.0
"""Seconds without a change after which a look every `LOOK` seconds is enough."""
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before a batch is tried again; the last one before each further try."""


@dataclass
class StreamCounts:
    """What the player has done so far."""

    read: int = 0
    """Changes read from the stream."""
    records: int = 0
    """Those that matched a filter and were announced, or given up."""
    batches: int = 0
    """Invocations begun."""
    failures: int = 0
    """Invocations that failed whole or in part."""
    given_up: int = 0
    """Records that went to the queue for failures."""


class StreamPlayer:
    """Reads the one shard that a stream has here, and invokes the function with one batch at a time.

    Args:
        client: gives the boto3 client of a service, safe to share between threads.
        mapping: the event source mapping as it is deployed now; it is looked at once a second.
        program: the function as it is deployed now.
        environ: what makes an AWS SDK in a child process talk to the same emulator.
        log_dir: gets a file with what the function prints.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        mapping: Callable[[], StreamMapping],
        program: Callable[[], Program],
        *,
        environ: Mapping[str, str],
        log_dir: Path,
    ) -> None:
        self.counts = StreamCounts()
        self._client = client
        self._read_mapping = mapping
        self._mapping = mapping()
        self._program = program
        self._environments = Environments(program, environ=environ, log_dir=log_dir, most=1)
        self._log_dir = log_dir
        self._next_look = 0.0
        self._stopping = threading.Event()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._watched, name="stream")
        self._shard = ""

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Let a running invocation end, and end every process; interrupted, it leaves that to `kill`.

        Raises:
            StackError: the player had broken down meanwhile.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.kill()
        self.raise_if_broken()

    def kill(self) -> None:
        """End every process at once."""
        self._stopping.set()
        self._environments.end()
        if self._thread.ident is not None:
            self._thread.join()
        self._environments.close()

    def environment_pids(self) -> list[int]:
        """The process ids of the warm execution environments."""
        return self._environments.pids()

    def raise_if_broken(self) -> None:
        """Say so when the player itself, not the function, has failed.

        Raises:
            StackError: it has.
        """
        if self._broken is not None:
            raise StackError(f"the local stack stopped reading the stream: {self._broken}") from self._broken

    def _watched(self) -> None:
        try:
            self._play()
        except Exception as error:  # noqa: BLE001 - kept for raise_if_broken: a thread has nobody to raise to
            self._broken = error

    def _play(self) -> None:
        streams, arn = self._client("dynamodbstreams"), self._mapping.stream_arn
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._shard = shard["ShardId"]
        place = {"StreamArn": arn, "ShardId": self._shard, "ShardIteratorType": "TRIM_HORIZON"}
        at = streams.get_shard_iterator(**place)["ShardIterator"]
        batch: list[StreamRecord] = []
        closes = news = 0.0
        while self._wait_until_enabled():
            room = self._mapping.batch_size - len(batch)
            answer = streams.get_records(ShardIterator=at, Limit=room)
            at = answer["NextShardIterator"]
            records = [as_lambda_has_it(record, arn) for record in answer["Records"]]
            chosen = [record for record in records if self._mapping.chooses(record)]
            self.counts.read += len(records)
            if records:
                news = time.monotonic()
            if chosen and not batch:
                closes = time.monotonic() + self._mapping.window
            batch += chosen
            if batch and (len(batch) >= self._mapping.batch_size or time.monotonic() >= closes):
                self._deliver(batch)
                batch = []
            elif not records:
                self._stopping.wait(POLL if batch or time.monotonic() - news < QUIET else LOOK)

    def _wait_until_enabled(self) -> bool:
        while not self._stopping.is_set():
            if time.monotonic() >= self._next_look:
                self._mapping = self._read_mapping()
                self._next_look = time.monotonic() + LOOK
            if self._mapping.enabled:
                return True
            self._stopping.wait(LOOK)
        return False

    def _deliver(self, batch: Sequence[StreamRecord]) -> None:
        """Invoke the function until every record succeeded, or was given up."""
        waiting, attempts = [batch], 0
        while waiting and not self._stopping.is_set():
            batch = waiting.pop(0)
            done, crashed = self._invoke(batch)
            self.counts.records += done
            if done == len(batch):
                attempts = 0
            elif done:  # it goes on behind what succeeded
                waiting.insert(0, batch[done:])
                attempts = 1
                self._pause(attempts)
            elif crashed and self._mapping.bisects and len(batch) > 1:
                waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            elif why := self._exhausted(batch, attempts := attempts + 1):
                self._give_up(batch, why, attempts)
                attempts = 0
            else:
                waiting.insert(0, batch)
                self._pause(attempts)

    def _invoke(self, batch: Sequence[StreamRecord]) -> tuple[int, bool]:
        """Invoke the function; how many of the first records succeeded, and whether it failed altogether."""
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        self.counts.batches += 1
        try:
            answer = self._environments.invoke({"Records": list(batch)})
            failed = failed_messages(answer, set(numbers)) if self._mapping.reports_failures else frozenset()
        except (FunctionError, InvalidAnswerError):
            self.counts.failures += 1
            return 0, True
        self.counts.failures += bool(failed)
        return min(map(numbers.index, failed), default=len(batch)), False

    def _exhausted(self, batch: Sequence[StreamRecord], attempts: int) -> str:
        """Why the batch is not tried again, in Lambda's words; nothing if it is."""
        if attempts > self._mapping.maximum_attempts:
            return "RetryAttemptsExhausted"
        age = time.time() - batch[0]["dynamodb"]["ApproximateCreationDateTime"]
        return "RecordAgeExceeded" if age > self._mapping.maximum_age else ""

    def _give_up(self, batch: Sequence[StreamRecord], why: str, attempts: int) -> None:
        self.counts.given_up += len(batch)
        self.counts.records += len(batch)
        if not self._mapping.on_failure:
            return
        sqs, name = self._client("sqs"), self._mapping.on_failure.rpartition(":")[2]
        arn = self._program().function.arn
        body = given_up(batch, function_arn=arn, why=why, attempts=attempts, shard=self._shard)
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=body)

    def _pause(self, attempts: int) -> None:
        self._stopping.wait(PAUSES[min(attempts, len(PAUSES)) - 1])
