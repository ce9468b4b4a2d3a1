"""Where the CPU of this consumer goes: every part of it with the CPU time of the thread that ran it.

Run by ``python -m bench.pipeline`` in a process of its own, as `worker` is; what the clocks themselves take is in the
figures, so they say what share each part has, and `worker`'s say how much there is.
"""

import functools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.pipeline import originals
from bench.pipeline.context import Context
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import BATCH, ENGINE, Consumer
from bench.pipeline.processes import cpu_seconds, pin

SIGN = "requests: signatures"
SEND = "requests: http.client, TLS, sockets"
READ = "answers read: TLS, sockets; most of it the original's body"
CHECK = "checksum of the original's body"
REST = "requests: parameters, headers, JSON"
STORY = "the story of an image: worker, ledger, publisher"
CHANNEL = "to the renderer and back"
LOG = "log lines"
THREADS = "threads, and whatever is left"
CHILD = "in the child, beyond the engine: header, price, limits, hand-over"
LATENCY = 0.0


def measure(
    kind: str, doubles: Doubles, pictures: Mapping[str, bytes], folder: Path, rounds: int
) -> list[dict[str, float]]:
    """The CPU milliseconds an image of every part, round by round, next to the engine's."""
    found = []
    doubles.latency = LATENCY
    here = "bench.pipeline.anatomy"
    with Consumer("anatomy", doubles, folder, module=here) as consumer, Consumer(ENGINE, doubles, folder) as engine:
        for number in range(rounds + 1):
            event = originals.batch(kind, number * BATCH, pictures)
            said, alone = consumer.ask(event), engine.run(event).cpu
            seconds = said["parts"] | {CHILD: said["children"] - alone}
            found.append({part: each * 1000 / BATCH for part, each in seconds.items()})
    return found[1:]  # the first made connections


class Clock:
    """CPU seconds by part; a part within another is not counted twice. Threads share it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time told."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._of_thread, "within", None)
            self._of_thread.within = mine = [0.0]
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - start
                self._of_thread.within = outer
                if outer is not None:
                    outer[0] += took
                with self._lock:
                    self.seconds[part] = self.seconds.get(part, 0.0) + took - mine[0]

        return wrapper

    def time(self, part: str, owner: Any, name: str) -> None:
        """Put the timed function in the place of an attribute of a class or a module."""
        setattr(owner, name, self.timed(part, getattr(owner, name)))

    def take(self) -> dict[str, float]:
        """The seconds since the last time."""
        with self._lock:
            seconds, self.seconds = self.seconds, {}
        return seconds


def main(originals: Path, logs: Path) -> None:
    """Answer each batch with the CPU seconds of the parts, and of this process and its children in all."""
    pin()
    clock = Clock()
    with os.fdopen(os.dup(1), "w") as answers, logs.open("wb", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        handler = instrumented(clock, originals)
        for number, line in enumerate(sys.stdin):
            own, whole = time.process_time(), cpu_seconds()
            clock.take()
            handler(json.loads(line), Context(f"request-{number}"))
            own, whole = time.process_time() - own, cpu_seconds() - whole
            parts = clock.take()
            parts[THREADS] = own - sum(parts.values())
            answers.write(json.dumps({"parts": parts, "children": whole - own}) + "\n")
            answers.flush()


def instrumented(clock: Clock, originals: Path) -> Callable[..., Any]:
    """The consumer, with a clock at the border of every part."""
    from bench.pipeline.consumers import WAYS
    from handlers.logs import JsonFormatter
    from processing.contained import channel
    from processing.direct import connections, dynamodb, s3, signature
    from processing.worker import Worker

    for method in ("get_object", "head_object", "put_object"):
        clock.time(REST, s3.S3Client, method)
    clock.time(REST, dynamodb.DynamoClient, "update_item")
    clock.time(SIGN, signature.Signer, "sign")
    clock.time(SEND, connections.Connections, "exchange")
    clock.time(READ, connections.Exchange, "read")
    clock.time(CHECK, s3.Body, "read")
    clock.time(CHANNEL, channel.Channel, "send")
    clock.time(CHANNEL, channel.Channel, "receive")
    clock.time(LOG, JsonFormatter, "format")
    clock.time(STORY, Worker, "handle")
    return WAYS["darkroom"](originals)


if __name__ == "__main__":
    main(Path(sys.argv[2]), Path(sys.argv[3]))
