"""A consumer as a child process that reports the stages of each image; batches measured, and a live run.

Run as ``python -m bench.ready.stages`` by `Environment`: batches as JSON lines on stdin, their stages on stdout.
"""

import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bench.pipeline import originals
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import environment
from bench.processes import pin
from bench.ready.clock import QUEUE, START, Measured, Stages
from bench.runner import Child

CORE: Final = 0
WAIT: Final = "wait"  # for a renderer, which the consumer counts within "render"
FIRST: Final = "thread"  # from the beginning of the batch to that of the image
STAGES: Final = (QUEUE, START, FIRST, "claim", "fetch", WAIT, "render", "publish", "reconcile", "complete")


class Environment(Child):
    """An execution environment on a core of its own; ``cold`` are the seconds that it took to start."""

    def __init__(self, doubles: Doubles, pictures: Mapping[str, bytes], kind: str, batch: int) -> None:
        begin = time.monotonic()
        super().__init__("the consumer", [sys.executable, "-m", "bench.ready.stages"], env=environment(doubles, batch))
        self.cold: float = self.request({"Records": []})["built"] - begin
        self._names = itertools.cycle(originals.BATCHES[kind])
        self._numbers = itertools.count()
        self._pictures = pictures

    def batch(self, size: int) -> Measured:
        """Process a batch of so many new uploads.

        Raises:
            RuntimeError: one of them failed.
        """
        uploads = {
            originals.key_of(name, next(self._numbers)): len(self._pictures[name])
            for name in itertools.islice(self._names, size)
        }
        answer = self.request(originals.event(uploads))
        if answer["failed"] or len(answer["images"]) != size:
            raise RuntimeError(f"failed: {answer['failed']}")
        return Measured(answer["seconds"], answer["images"])


def measured(environment: Environment, sizes: Sequence[int], rounds: int) -> dict[int, list[Measured]]:
    """Batches of these sizes, in turn, after one of each that is not counted."""
    found: dict[int, list[Measured]] = {size: [] for size in sizes}
    for number in range(-1, rounds):
        for size in sizes:
            batch = environment.batch(size)
            if number >= 0:
                found[size].append(batch)
    return found


def live(environment: Environment, *, rate: float, count: int, batch: int) -> Iterator[Stages]:
    """One environment in real time: it receives what was uploaded meanwhile, up to a batch, and then the next."""
    begin, done = time.monotonic(), 0
    while done < count:
        now = time.monotonic() - begin
        uploaded = min(count, int(now * rate) + 1) - done
        if uploaded == 0:
            time.sleep(done / rate - now)  # until the next upload
            continue
        taken = min(uploaded, batch)
        images = environment.batch(taken).images
        yield from ({QUEUE: now - (done + place) / rate, START: 0.0} | image for place, image in enumerate(images))
        done += taken


def main() -> None:
    """Answer each batch with its seconds, the stages of its images and what failed; nothing else on stdout."""
    pin(CORE)
    with os.fdopen(os.dup(1), "w") as answers, open(os.devnull, "w") as log:
        os.dup2(log.fileno(), 1)
        from handlers.consumer import consumer
        from processing.messages import message_of

        images: list[dict[str, float]] = []
        began, timeout = [0.0], float(os.environ["FUNCTION_TIMEOUT"])
        batch = consumer()
        worker = batch.handle.__self__  # type: ignore[attr-defined]
        batch = replace(batch, handle=_observed(worker, images.append, began))
        for number, line in enumerate(sys.stdin):
            messages = [message_of(record) for record in json.loads(line)["Records"]]
            images.clear()
            began[0] = time.time()
            failed = batch.process(messages, seconds_left=lambda: timeout, request_id=f"request-{number}")
            seconds = time.time() - began[0]
            answer = {"built": time.monotonic(), "seconds": seconds, "images": images}
            answers.write(json.dumps(answer | {"failed": failed["batchItemFailures"]}) + "\n")
            answers.flush()


def _observed(worker: Any, keep: Callable[[dict[str, float]], None], began: Sequence[float]) -> Callable[..., Any]:
    """``worker.handle`` that keeps the seconds of each stage, of each object."""
    of_thread = threading.local()

    def observe(name: str, start: float, end: float) -> None:
        of_thread.stages[name] = of_thread.stages.get(name, 0.0) + end - start

    handle = replace(worker, observe=observe).handle

    def observed(event: Any, delivery: Any) -> Any:
        of_thread.stages = dict.fromkeys(STAGES[2:], 0.0) | {FIRST: time.time() - began[0]}
        outcome = handle(event, delivery)
        stages = of_thread.stages
        waited = min(outcome.timings.get(WAIT, 0) / 1000, stages["render"])
        keep(stages | {WAIT: waited, "render": stages["render"] - waited})
        return outcome

    return observed


if __name__ == "__main__":
    main()
