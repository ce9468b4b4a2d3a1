"""The status of a stage: queues, mapping, rate, outcomes. What is not known is None, never a guess."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ops.cli.mapping import StageMapping, mapping_of
from ops.cli.queues import Depth, depth_of
from ops.cli.stage import Stage
from ops.cli.status.account import Concurrency, concurrency_of
from ops.cli.status.health import Health, health_of
from ops.cli.status.metrics import MINUTE, Outcomes, QueueMetrics, StageMetrics, of_last_hour

APART: Final = 3.0  # seconds between the two samples of a single status
KEPT: Final = 60.0  # seconds of samples that a rate is computed from
FRESH: Final = 30.0  # seconds for which the answers of CloudWatch and the table are reused


@dataclass(frozen=True, slots=True)
class QueueSample:
    """The length of the queue at a time, in seconds."""

    at: float
    total: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second. ``source`` says what it was computed from.

    Args:
        finished: deleted, which is what happens to those that succeed.
        arriving: sent.
        shrinking: by which the queue gets shorter; below zero, longer.
    """

    finished: float | None = None
    arriving: float | None = None
    shrinking: float | None = None
    source: str = ""

    def seconds_to_drain(self, total: int) -> float | None:
        """Until the queue is empty at this rate; None when that is unknown, or never."""
        if total == 0:
            return 0.0
        return total / self.shrinking if self.shrinking is not None and self.shrinking > 0 else None


@dataclass(frozen=True, slots=True)
class StageStatus:
    """A stage at a time. ``oldest`` is in seconds."""

    at: datetime
    queue: Depth
    dead_letters: int
    oldest: float | None
    mapping: StageMapping
    rate: Rate
    outcomes: Outcomes
    concurrency: Concurrency
    health: Health

    @property
    def seconds_to_drain(self) -> float | None:
        return self.rate.seconds_to_drain(self.queue.total)


@dataclass
class Observer:
    """Reads the status of one stage again and again, and keeps the queue's lengths of the last minute.

    Args:
        clock: seconds that only grow.
        now: the time of day, in UTC.
    """

    stage: Stage
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _samples: deque[QueueSample] = field(default_factory=deque, init=False)
    _slow: tuple[float, QueueMetrics, Outcomes, Concurrency, Health] | None = field(default=None, init=False)

    def read(self) -> StageStatus:
        """The status now."""
        sqs, (metrics, outcomes, concurrency, health) = self.stage.client("sqs"), self._slowly()
        queue = self._sample()
        return StageStatus(
            at=self.now(),
            queue=queue,
            dead_letters=depth_of(sqs, self.stage.dlq_url).total,
            oldest=metrics.oldest,
            mapping=mapping_of(self.stage),
            rate=self._rate(metrics),
            outcomes=outcomes,
            concurrency=concurrency,
            health=health,
        )

    def read_twice(self) -> StageStatus:
        """The status now; read a second time where the rate needs it."""
        first = self.read()
        if first.queue.total == 0 or first.rate.source:
            return first
        self.pause(APART)
        return self.read()

    def _sample(self) -> Depth:
        depth, now = depth_of(self.stage.client("sqs"), self.stage.queue_url), self.clock()
        self._samples.append(QueueSample(now, depth.total))
        while now - self._samples[0].at > KEPT:
            self._samples.popleft()
        return depth

    def _rate(self, metrics: QueueMetrics) -> Rate:
        counted = of_counts(metrics.deleted, metrics.sent, MINUTE)
        return counted if counted.source else of_samples(self._samples)

    def _slowly(self) -> tuple[QueueMetrics, Outcomes, Concurrency, Health]:
        if self._slow is None or self.clock() - self._slow[0] > FRESH:
            queue = self.stage.queue_url.rsplit("/", 1)[-1]
            metrics = StageMetrics(self.stage.client("cloudwatch")).of_queue(queue, self.now())
            outcomes = of_last_hour(self.stage, self.now())
            concurrency, health = concurrency_of(self.stage.client("lambda")), health_of(self.stage, self.now())
            self._slow = (self.clock(), metrics, outcomes, concurrency, health)
        return self._slow[1:]


def of_counts(deleted: Sequence[float], sent: Sequence[float], period: float) -> Rate:
    """From CloudWatch's counts by ``period`` seconds; the minutes that it has."""
    if not deleted:
        return Rate()
    finished = sum(deleted) / len(deleted) / period
    arriving = sum(sent) / len(sent) / period if sent else None
    shrinking = None if arriving is None else finished - arriving
    minutes = len(deleted) * period / 60
    return Rate(finished, arriving, shrinking, f"CloudWatch, {minutes:g} minutes")


def of_samples(samples: Sequence[QueueSample]) -> Rate:
    """From the first and the last sample: only by how much the queue shrank, not what arrived and finished."""
    if len(samples) < 2 or samples[-1].at <= samples[0].at:
        return Rate()
    first, last = samples[0], samples[-1]
    seconds = last.at - first.at
    return Rate(shrinking=(first.total - last.total) / seconds, source=f"two samples, {seconds:.0f} s apart")
