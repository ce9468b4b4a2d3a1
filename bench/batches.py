"""What a consumer makes of batches of ten when S3 and DynamoDB take their time: images a second, CPU and memory.

Run as ``python -m bench.batches [--images 200] [--latency 50] [--kind small|12mp|mixed] [--way overlapped|in-turn]``.
The buckets and the table are in memory and answer after ``--latency`` milliseconds; threads, child processes, admission
and the engine are the service's own, at 1,769 MB. What boto3 itself costs is not in it. Linux only: memory is read from
/proc, as the proportional set size of the consumer and all its children.
"""

import argparse
import io
import itertools
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from processing import imaging
from processing.backoff import Backoff
from processing.batch import Batch
from processing.ledger import DynamoLedger
from processing.messages import Message, ThreadExecutor, in_this_thread
from processing.recipe import load
from processing.sandbox import Children, FetchBudget, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget, capacity
from processing.worker import Worker
from tests.builders import UPLOADS, created_body
from tests.doubles import MemoryQueue, MemoryStore
from tests.memory_dynamodb import MemoryDynamoDB

PROJECT = Path(__file__).resolve().parents[1]
MEMORY = 1769
BATCH = 10
SHAPES = {  # width, height, format
    "small": [(1200, 900, "JPEG")],
    "12mp": [(4000, 3000, "JPEG")],
    "mixed": [
        *[(1200, 900, "JPEG")] * 6,
        (4000, 3000, "JPEG"),
        (6000, 4000, "JPEG"),
        (1600, 1200, "PNG"),
        (4000, 3000, "WEBP"),
    ],
}


class Distant:
    """A double that answers after a while."""

    def __init__(self, port: Any, seconds: float) -> None:
        self._port = port
        self._seconds = seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            time.sleep(self._seconds)
            return method(*args, **kwargs)

        return call


@dataclass
class Result:
    """What was measured; CPU in milliseconds an image, memory in megabytes after each batch."""

    images: int
    seconds: float
    images_per_second: float
    consumer_cpu: float
    rendering_cpu: float
    failed: int
    memory: list[float] = field(default_factory=list)


def photo(width: int, height: int, kind: str, *, seed: int) -> bytes:
    """A picture with as much detail as a photo has: noise, made soft by enlarging it."""
    noise = random.Random(seed).randbytes(width // 8 * (height // 8) * 3)
    small = Image.frombytes("RGB", (width // 8, height // 8), noise)
    out = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


@contextmanager
def consumer(store: MemoryStore, *, latency: float, overlapped: bool) -> Iterator[Batch]:
    """The service's consumer on doubles; not overlapped, it is what one has without threads and child processes."""
    recipe = load((PROJECT / "recipe.toml").read_text(encoding="utf-8"))
    room, budget = capacity(MEMORY), TimeBudget(20)
    children = [Renderer(Children(recipe, environ=os.environ, kept=room.kept))] if overlapped else []
    renderers = Renderers(children, recipe, memory=MemoryBudget(room.rendering), budget=budget)
    bodies = FetchBudget(room, recipe.limits.max_bytes)
    tokens = map(str, itertools.count())
    ledger = DynamoLedger(
        Distant(MemoryDynamoDB(), latency / 5),
        table="images",
        code_version="code",
        lease_seconds=90,
        clock=time.time,
        new_token=lambda: next(tokens),
    )
    worker = Worker(
        store=Distant(store, latency),
        ledger=ledger,
        render=renderers.render if overlapped else imaging.render,
        recipe=recipe,
        uploads_bucket=UPLOADS,
        prefix="images/",
        removals=False,
        request_seconds=22,
        backoff=Backoff(random.Random(1)),
    )

    yield Batch(
        handle=worker.handle,
        queue=MemoryQueue(time.time),
        budget=budget,
        max_receive_count=5,
        clock=time.time,
        rng=random.Random(1),
        executor=ThreadExecutor(room.threads, bodies.reserve) if overlapped else in_this_thread,
    )
    renderers.close()


def run(images: int, *, latency: float, kind: str, overlapped: bool) -> Result:
    """Work off so many images in batches of ten."""
    pictures = [photo(*shape, seed=number) for number, shape in enumerate(SHAPES[kind])]
    store = MemoryStore()
    with consumer(store, latency=latency, overlapped=overlapped) as batch:
        _work(batch, store, pictures, range(-len(pictures), 0))  # warm: each picture once
        memory, failed, before, start = [], 0, _cpu(), time.perf_counter()
        for first in range(0, images, BATCH):
            failed += _work(batch, store, pictures, range(first, min(first + BATCH, images)))
            memory.append(round(_memory(), 1))
        seconds = time.perf_counter() - start
        children_cpu = sum(map(_cpu_of, _family()[1:]))
        own = (_cpu() - before) * 1000 / images
    return Result(
        images,
        round(seconds, 2),
        round(images / seconds, 1),
        round(own, 2),
        round(children_cpu * 1000 / images, 1),
        failed,
        memory,
    )


def _work(batch: Batch, store: MemoryStore, pictures: Sequence[bytes], numbers: range) -> int:
    messages = []
    for number in numbers:
        key = f"images/{number}.img"
        etag = store.upload(key, pictures[number % len(pictures)])
        messages.append(Message(str(number), str(number), created_body(key, etag), 1, time.time()))
    end = time.monotonic() + 60
    answer = batch.process(messages, seconds_left=lambda: end - time.monotonic())
    store.variants.clear()
    store.uploads.clear()
    return len(answer["batchItemFailures"])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own, and that of its dead children


def _family(pid: int | None = None) -> list[int]:
    """This process and all its descendants."""
    pid = pid or os.getpid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _memory() -> float:
    lines = (line for pid in _family() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--latency", type=float, default=50, help="milliseconds of each request to S3")
    parser.add_argument("--kind", choices=SHAPES, default="small")
    parser.add_argument("--way", choices=["overlapped", "in-turn"], default="overlapped")
    options = parser.parse_args()
    result = run(
        options.images, latency=options.latency / 1000, kind=options.kind, overlapped=options.way == "overlapped"
    )
    half = len(result.memory) // 2
    about = {
        "peak": max(result.memory),
        "first half": max(result.memory[:half] or [0]),
        "second half": max(result.memory[half:]),
    }
    json.dump(vars(options) | vars(result) | {"memory": about}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
