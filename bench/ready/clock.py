"""Lambda's pollers and environments on a virtual clock: each batch is one that was measured.

::

    image     |--- queue ---|- start -|-- stages of a measured batch of that size ... complete --|
              uploaded      received  a new environment alone                                   ready

An idle poller receives what waits, at once or after the batching window; a message that all pollers are too busy for
waits. Pollers are 5 at first, and 300 more at each minute's end while messages wait. S3's time to send its event, SQS's
own latency and Lambda's work before Python starts are left out; no message fails.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ops.cli.costs.drain import FIRST, MOST, RAMP

MINUTE: Final = 60.0
QUEUE, START = "queue", "start"

Stages = dict[str, float]
"""Seconds by stage, of one image."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A batch as it was measured: its seconds, and the stages of each of its images from the batch's beginning."""

    seconds: float
    images: Sequence[Stages]


@dataclass(frozen=True, slots=True)
class Mapped:
    """How the queue is mapped to the function: the batch, its window in seconds, invocations at once."""

    batch: int
    window: float
    concurrency: int


def run(
    arrivals: Sequence[float], mapped: Mapped, measured: Mapping[int, Sequence[Measured]], cold: float, *, seed: int = 0
) -> list[Stages]:
    """The stages of every image, in the order in which they were received.

    Args:
        arrivals: seconds, in order.
        measured: by the number of images; a batch between two of these is taken from the larger.
        cold: seconds that a new environment takes before its first batch.
    """
    fleet = _Fleet(mapped, measured, cold, random.Random(seed))
    coming, minute = deque(arrivals), MINUTE
    while coming or fleet.waiting or fleet.ends:
        now = min([*islice(coming, 1), *fleet.moments(), minute])
        while coming and coming[0] <= now:
            fleet.waiting.append(coming.popleft())
        if now == minute:
            minute += MINUTE
            fleet.grow()
        fleet.end(now)
        fleet.receive(now)
    return fleet.found


class _Fleet:
    """The pollers and the environments."""

    def __init__(
        self, mapped: Mapped, measured: Mapping[int, Sequence[Measured]], cold: float, rng: random.Random
    ) -> None:
        self._mapped, self._measured, self._cold, self._rng = mapped, measured, cold, rng
        self._pollers, self._warm = FIRST, 0
        self.waiting = deque[float]()  # when each was uploaded
        self.ends: list[float] = []  # of the batches that run
        self.found: list[Stages] = []

    @property
    def _has_an_idle_poller(self) -> bool:
        return len(self.ends) < min(self._pollers, self._mapped.concurrency, MOST)

    def moments(self) -> Iterator[float]:
        """When something will happen next, by itself."""
        yield from self.ends[:1]
        if self.waiting and self._has_an_idle_poller:
            yield self.waiting[0] + self._mapped.window

    def grow(self) -> None:
        """A minute has passed."""
        if self.waiting:
            self._pollers += round(RAMP * MINUTE)

    def end(self, now: float) -> None:
        """Batches that end leave a warm environment each."""
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
            self._warm += 1

    def receive(self, now: float) -> None:
        """Idle pollers receive what waits: a full batch, or what there is when the window ends."""
        while self.waiting and self._has_an_idle_poller:
            if len(self.waiting) < self._mapped.batch and now < self.waiting[0] + self._mapped.window:
                return
            uploaded = [self.waiting.popleft() for _ in range(min(self._mapped.batch, len(self.waiting)))]
            size = next(size for size in sorted(self._measured) if size >= len(uploaded))
            batch = self._rng.choice(self._measured[size])
            start = 0.0 if self._warm else self._cold
            self._warm -= bool(self._warm)
            heapq.heappush(self.ends, now + start + batch.seconds)
            images = self._rng.sample(batch.images, len(uploaded))
            queued = ({QUEUE: now - at, START: start} for at in uploaded)
            self.found += [one | image for one, image in zip(queued, images, strict=True)]
