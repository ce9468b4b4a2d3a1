"""A batch on one environment, event by event: threads that wait, and a CPU that all who can run share equally.

It shares no formula with `ops.cli.costs.batch`. Each image is a list of steps, which one thread takes in turn::

    ("wait", seconds)       for an answer of S3 or DynamoDB
    ("request", seconds)    CPU of the consumer, a process that runs one thread at a time
    ("render", seconds)     CPU of a renderer, for which the image first waits its turn
"""

from collections import deque
from dataclasses import dataclass, field

WAIT, REQUEST, RENDER = "wait", "request", "render"


def steps_of(*, rendering, requesting, s3, table, puts, at_once=1):
    """The steps of a first upload, whose request CPU is spread over its requests."""
    each = requesting / (4 + puts)
    groups = [min(at_once, puts - first) for first in range(0, puts, at_once)]
    published = [step for group in groups for step in ((REQUEST, each * group), (WAIT, s3))]
    head = [(REQUEST, each), (WAIT, table), (REQUEST, each), (WAIT, s3)]
    tail = [(REQUEST, each), (WAIT, s3), (REQUEST, each), (WAIT, table)]
    return [*head, (RENDER, rendering), *published, *tail]


@dataclass(eq=False)
class Thread:
    """One thread, with its current step and those after it."""

    kind: str = ""
    left: float = 0.0
    steps: deque[tuple[str, float]] = field(default_factory=deque)


@dataclass
class Batch:
    """Images that wait, and threads; ``turns`` are those whose step is a rendering, in order."""

    images: deque[list[tuple[str, float]]]
    renderers: int
    vcpus: float
    threads: list[Thread] = field(default_factory=list)
    turns: list[Thread] = field(default_factory=list)

    def rates(self) -> dict[Thread, float]:
        """Seconds of each thread's step that pass in one second."""
        rendering = self.turns[: self.renderers]
        requesting = [thread for thread in self.threads if thread.kind == REQUEST]
        share = min(1.0, self.vcpus / max(1, len(rendering) + bool(requesting)))
        rates = dict.fromkeys(rendering, share) | {thread: share / len(requesting) for thread in requesting}
        return rates | {thread: 1.0 for thread in self.threads if thread.kind == WAIT}

    def begin_step(self, thread: Thread) -> None:
        """The thread's next step; of its next image where this one has no more."""
        if thread in self.turns:
            self.turns.remove(thread)
        if not thread.steps and self.images:
            thread.steps = deque(self.images.popleft())
        if not thread.steps:
            self.threads.remove(thread)
            return
        thread.kind, thread.left = thread.steps.popleft()
        if thread.kind == RENDER:
            self.turns.append(thread)


def simulate(images, *, threads, renderers, vcpus):
    """The seconds until all images of a batch are done."""
    batch, now = Batch(deque(images), renderers, vcpus), 0.0
    batch.threads = [Thread() for _ in range(min(threads, len(images)))]
    for thread in list(batch.threads):
        batch.begin_step(thread)
    while batch.threads:
        rates = batch.rates()
        passes = min(thread.left / rate for thread, rate in rates.items())
        now += passes
        for thread, rate in rates.items():
            thread.left -= passes * rate
            if thread.left < 1e-9:
                batch.begin_step(thread)
    return now
