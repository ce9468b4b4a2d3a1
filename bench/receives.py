"""The receives that healthy but heavy images take: ``python -m bench.receives [--timeout 60] [--json]``.

The service's own batch, time budget, admission, worker and fates process a backlog of images with the same render time
on a virtual clock. Buckets, table and queue are in memory, requests take no time, and ten environments of one vCPU (one
renderer each) receive batches of the stage's size. Every image is valid, so none may become a dead letter, and no
receive may be spent without a try.

With ``--outgrow`` each image fails its first try at the end of its time, like an image that takes more memory than its
header declares, and has to be tried again, alone.
"""

import argparse
import heapq
import itertools
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table

from ops.cli.settings import parameters
from processing.batch import Batch
from processing.concurrency import Backoff
from processing.ledger import DynamoLedger
from processing.messages import Message
from processing.sandbox.capacity import TimeBudget, shortest_timeout
from processing.worker import Worker
from tests.builders import UPLOADS, created_body, recipe
from tests.doubles import MemoryQueue, MemoryStore, Sent
from tests.memory_dynamodb import MemoryDynamoDB
from tests.simulation.campaign import quiet
from tests.simulation.rendering import Weight, renderers_of

RECIPE = recipe()
ENVIRONMENTS = 10
SHARES = (0.4, 0.6, 0.8, 0.9)  # of a try: the default render times, and one just below a try
POLL_SECONDS = 0.5  # until the next receive from an empty queue


@dataclass(frozen=True)
class Stage:
    """The parameters of a stage that matter here; times in seconds."""

    timeout: float
    try_seconds: float
    batch_size: int
    window: float
    receives: int


@dataclass
class Row:
    """The outcome of images that take so many seconds each."""

    seconds: float
    dead: int
    never_tried: int
    receives_an_image: float
    hours: float


@dataclass
class Backlog:
    """A stage in memory with waiting images, and a clock that advances with every wait."""

    stage: Stage
    images: int
    seconds: float
    outgrows: bool
    seed: int
    now: float = 0.0
    received: int = 0
    tried: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.store = MemoryStore()
        self.queue = MemoryQueue(self.clock, 6 * self.stage.timeout + self.stage.window, self.stage.receives)
        tokens = map(str, itertools.count())
        self.ledger = DynamoLedger(
            MemoryDynamoDB(),
            table="images",
            code_version="code",
            lease_seconds=5 * self.stage.timeout,
            clock=self.clock,
            new_token=lambda: next(tokens),
        )
        for number in range(self.images):
            key = f"images/{number}.gif"
            self.queue.send(created_body(key, self.store.upload(key, str(number).encode())))

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def process(self) -> Row:
        """Run the environment that is free first, until no message is left."""
        free = [(0.0, number, self._environment()) for number in range(ENVIRONMENTS)]
        while self.queue.messages:
            self.now, number, batch = heapq.heappop(free)
            messages = self._receive()
            if messages:
                self._invoke(batch, messages)
            else:
                self._sleep()
            heapq.heappush(free, (self.now, number, batch))
        dead = [self.store.uploads[key(message)][0] for message in self.queue.dead]
        never = sum(body not in self.tried for body in dead)
        return Row(self.seconds, len(dead), never, self.received / self.images, self.now / 3600)

    def _environment(self) -> Batch:
        budget = TimeBudget(self.stage.try_seconds, function_timeout=self.stage.timeout)
        renderers = renderers_of(RECIPE, budget, self.clock, weigh=self._weigh, wait=self.wait)
        worker = Worker(
            store=self.store,
            ledger=self.ledger,
            render=renderers.render,
            recipe=RECIPE,
            uploads_bucket=UPLOADS,
            prefix="images/",
            removals=False,
            request_seconds=0,
            backoff=Backoff(self.rng, self.wait),
            clock=self.clock,
        )
        return Batch(
            handle=worker.handle,
            queue=self.queue,
            budget=budget,
            max_receive_count=self.stage.receives,
            clock=self.clock,
            rng=self.rng,
        )

    def _weigh(self, data: bytes) -> Weight:
        self.tried.add(data)
        return Weight(self.seconds, self.outgrows)

    def _receive(self) -> list[Sent]:
        """In random order, because SQS has none."""
        waiting = list(self.queue.messages.items())
        self.rng.shuffle(waiting)
        self.queue.messages = dict(waiting)
        for message in self.queue.messages.values():
            if message.visible_at <= self.now:
                message.visible_at = 0.0
        return self.queue.receive(self.stage.batch_size)

    def _invoke(self, batch: Batch, messages: Sequence[Sent]) -> None:
        self.received += len(messages)
        end = self.now + self.stage.timeout
        delivered = [Message(m.id, m.handle, m.body, m.receives) for m in messages]
        answer = batch.process(delivered, seconds_left=lambda: end - self.now)
        failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
        for message in messages:
            if message.id not in failed:
                self.queue.delete(message.handle)

    def _sleep(self) -> None:
        moments = [message.visible_at for message in self.queue.messages.values()]
        self.now = max(self.now + POLL_SECONDS, min(moments, default=0.0))


def key(message: Sent) -> str:
    """Return the key of a message's image."""
    return str(json.loads(message.body)["Records"][0]["s3"]["object"]["key"]).replace("%2F", "/")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when no image became a dead letter, else 1."""
    given = parameters()
    parser = argparse.ArgumentParser(prog="python -m bench.receives", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seconds", type=float, nargs="+", help="an image's render times")
    parser.add_argument("--timeout", type=float, default=given["timeout"], help="the function's timeout")
    parser.add_argument("--try-seconds", type=float, default=given["trySeconds"])
    parser.add_argument("--batch-size", type=int, default=given["batchSize"])
    parser.add_argument("--window", type=float, default=given["window"], help="in which a batch is collected")
    parser.add_argument("--receives", type=int, default=given["maxReceiveCount"])
    parser.add_argument("--outgrow", action="store_true", help="each image has to be tried again, alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    stage = Stage(options.timeout, options.try_seconds, options.batch_size, options.window, options.receives)
    takes = options.seconds or [*(share * stage.try_seconds for share in SHARES), stage.try_seconds - 0.1]
    with quiet():
        rows = [Backlog(stage, options.images, each, options.outgrow, options.seed).process() for each in takes]
    if options.json:
        json.dump({"stage": asdict(stage), "rows": [asdict(row) for row in rows]}, sys.stdout, indent=2)
    else:
        _show(stage, rows, options.images)
    return 1 if any(row.dead for row in rows) else 0


def _show(stage: Stage, rows: Sequence[Row], images: int) -> None:
    least = shortest_timeout(1769, batch_size=stage.batch_size, try_seconds=stage.try_seconds)
    title = (
        f"{images:,} healthy images in batches of {stage.batch_size}; "
        f"timeout {stage.timeout:g} s ({least} needed), a try {stage.try_seconds:g} s"
    )
    table = Table(title=title)
    for column in ("seconds an image", "dead letters", "never tried", "receives an image", "hours in all"):
        table.add_column(column, justify="right")
    for row in rows:
        cells = (f"{row.seconds:g}", str(row.dead), str(row.never_tried), f"{row.receives_an_image:.2f}")
        table.add_row(*cells, f"{row.hours:.2f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
