"""One look at a stage: queues, mapping, rate, outcomes."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ops.mapping import Mapping, mapping_of
from ops.queues import Depth, depth_of
from ops.stage import Stage
from ops.status.metrics import MINUTE, Metrics, QueueMetrics
from ops.status.outcomes import Outcomes, of_last_hour
from ops.status.rates import Rate, Sample, of_counts, of_samples

APART: Final = 3.0  # seconds between the two looks of a single status
KEPT: Final = 60.0  # seconds of looks that a rate is taken from
FRESH: Final = 30.0  # seconds for which what CloudWatch and the table said is not asked for again


@dataclass(frozen=True, slots=True)
class Status:
    """A stage at a time. ``oldest`` is in seconds."""

    at: datetime
    queue: Depth
    dead_letters: int
    oldest: float | None
    mapping: Mapping
    rate: Rate
    outcomes: Outcomes

    @property
    def seconds_to_drain(self) -> float | None:
        return self.rate.seconds_to_drain(self.queue.total)


@dataclass
class Observer:
    """Looks at one stage again and again, and remembers the queue's length of the last minute.

    Args:
        clock: seconds that only grow.
        now: the time of day, in UTC.
    """

    stage: Stage
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _samples: deque[Sample] = field(default_factory=deque, init=False)
    _slow: tuple[float, QueueMetrics, Outcomes] | None = field(default=None, init=False)

    def look(self) -> Status:
        """How it is now."""
        sqs, (metrics, outcomes) = self.stage.client("sqs"), self._slowly()
        queue = self._sample()
        return Status(
            at=self.now(),
            queue=queue,
            dead_letters=depth_of(sqs, self.stage.dlq_url).total,
            oldest=metrics.oldest,
            mapping=mapping_of(self.stage),
            rate=self._rate(metrics),
            outcomes=outcomes,
        )

    def look_twice(self) -> Status:
        """How it is now; where only a second look can tell the rate, after one."""
        first = self.look()
        if first.queue.total == 0 or first.rate.source:
            return first
        self.pause(APART)
        return self.look()

    def _sample(self) -> Depth:
        depth, now = depth_of(self.stage.client("sqs"), self.stage.queue_url), self.clock()
        self._samples.append(Sample(now, depth.total))
        while now - self._samples[0].at > KEPT:
            self._samples.popleft()
        return depth

    def _rate(self, metrics: QueueMetrics) -> Rate:
        counted = of_counts(metrics.deleted, metrics.sent, MINUTE)
        return counted if counted.source else of_samples(self._samples)

    def _slowly(self) -> tuple[QueueMetrics, Outcomes]:
        if self._slow is None or self.clock() - self._slow[0] > FRESH:
            queue = self.stage.queue_url.rsplit("/", 1)[-1]
            metrics = Metrics(self.stage.client("cloudwatch")).of_queue(queue, self.now())
            self._slow = (self.clock(), metrics, of_last_hour(self.stage, self.now()))
        return self._slow[1:]
