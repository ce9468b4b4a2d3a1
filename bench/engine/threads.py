"""Images a second of one thread, two threads and two processes, interleaved, as a JSON line on stdout.

Because other work may use the machine meanwhile, the best of each counts.
"""

import json
import multiprocessing
import sys
import threading
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.engine.classes import recipe
from bench.runner import interleave

IMAGES = 12
TRIALS = 6


def main(file: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3)
    children = [spawn.Process(target=_child, args=(file, barrier)) for _ in range(2)]
    for child in children:
        child.start()
    data = Path(file).read_bytes()
    ways = {
        "one": lambda: _threads(data, 1),
        "two": lambda: _threads(data, 2),
        "processes": lambda: _processes(barrier),
    }
    rounds = list(interleave(ways, TRIALS))
    best = {way: IMAGES / min(each[way] for each in rounds) for way in ways}
    for child in children:
        child.join()
    print(json.dumps(best))


def _threads(data: bytes, count: int) -> float:
    threads = [threading.Thread(target=_render, args=(data, IMAGES // count)) for _ in range(count)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _processes(barrier: Barrier) -> float:
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    return time.perf_counter() - started


def _child(file: str, barrier: Barrier) -> None:
    data = Path(file).read_bytes()
    for _ in range(TRIALS + 1):  # the first round warms up
        barrier.wait()
        _render(data, IMAGES // 2)
        barrier.wait()


def _render(data: bytes, times: int) -> None:
    from processing.imaging import render

    made = recipe(marked=True)
    for _ in range(times):
        render(data, made)


if __name__ == "__main__":
    main(sys.argv[1])
