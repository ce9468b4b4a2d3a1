"""Memory that threads share: never more than there is, and nobody waits for ever."""

import threading
import time
from contextlib import ExitStack

import pytest

from processing.sandbox import MemoryBudget


def run_all(*work) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_what_would_not_fit_together_waits_for_each_other() -> None:
    room, held, most = MemoryBudget(100), [0.0], [0.0]
    lock = threading.Lock()

    def work() -> None:
        with room.reserve(40) as mine:
            with lock:
                held[0] += mine
                most[0] = max(most[0], held[0])
            time.sleep(0.01)
            with lock:
                held[0] -= mine

    run_all(*[work] * 10)

    assert most == [80.0]


def test_more_than_there_is_means_alone() -> None:
    room = MemoryBudget(100)

    with room.reserve(1000) as held:
        assert held == 100
        assert room.free == 0


def test_a_large_one_is_not_passed_for_ever_by_small_ones() -> None:
    room = MemoryBudget(100)
    ends: list[str] = []
    with ExitStack() as first:
        first.enter_context(room.reserve(50))
        large = threading.Thread(target=lambda: take(room, 100, "large", ends))
        large.start()
        wait_until(lambda: room.waiting == 1)
        small = threading.Thread(target=lambda: take(room, 10, "small", ends))
        small.start()
        wait_until(lambda: room.waiting == 2)
    large.join(10)
    small.join(10)

    assert ends == ["large", "small"]


def test_what_fails_gives_its_room_back() -> None:
    room = MemoryBudget(100)

    with pytest.raises(ZeroDivisionError), room.reserve(100):
        raise ZeroDivisionError

    assert room.free == 100


def take(room: MemoryBudget, megabytes: float, name: str, ends: list[str]) -> None:
    with room.reserve(megabytes):
        ends.append(name)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
