"""Images a second of one thread, of two threads and of two processes, turn by turn; a JSON line on stdout.

Others may use the machine meanwhile: the best of each counts, and what two threads reach of what two processes reach.
"""

import json
import multiprocessing
import sys
import threading
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.engine.classes import recipe

IMAGES = 12
TRIALS = 6


def main(file: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3)
    children = [spawn.Process(target=_child, args=(file, barrier)) for _ in range(2)]
    for child in children:
        child.start()
    data = Path(file).read_bytes()
    _render(data, 1)
    best = {"one": 0.0, "two": 0.0, "processes": 0.0}
    for _ in range(TRIALS):
        for way, took in (("one", _threads(data, 1)), ("two", _threads(data, 2)), ("processes", _processes(barrier))):
            best[way] = max(best[way], IMAGES / took)
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
    _render(data, 1)
    for _ in range(TRIALS):
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
