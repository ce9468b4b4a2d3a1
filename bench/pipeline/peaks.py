"""The largest memory of a consumer, in a process of its own that nothing else is measured in.

Sampling takes time from the sampled processes, so no batch is timed meanwhile.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import Batches, Consumer
from bench.processes import family, memory_file_bytes, proportional_bytes

BATCHES = 2  # after one to warm up: the first one alone would miss what the heap keeps from one batch to the next
SECONDS = 0.005  # between two samples: a tenth of a render


def peak(
    way: str, batch: int, kind: str, doubles: Doubles, pictures: Mapping[str, bytes], folder: Path, *, latency: float
) -> float:
    """Return megabytes: of all processes of a consumer and the files that they keep in memory."""
    with Consumer(way, doubles, folder, batch=batch) as consumer:
        rounds = Batches({way: consumer}, doubles, pictures).rounds(kind, latency=latency, count=BATCHES)
        with Sampler(lambda: _bytes(family(consumer.pid))) as sampler:
            for _ in rounds:
                pass
    return sampler.largest / 2**20


def _bytes(pids: Sequence[int]) -> float:
    return proportional_bytes(pids) + memory_file_bytes(pids)


class Sampler:
    """Reads a figure over and over in a thread, until the context ends."""

    def __init__(self, read: Callable[[], float]) -> None:
        self.largest = 0.0
        self._read = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.largest = max(self.largest, self._read())
            if self._ended.wait(SECONDS):
                return
