"""Kills execution environments, and renderers alone, while messages are worked on."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.local.player import Player

SPARED = (5, 45)  # messages between one kill of a kind and the next
KILL = "SIGKILL of an execution environment"
RENDERER_KILL = "SIGKILL of a renderer alone"


@contextmanager
def killers(player: Player, counts: Counter[str], *, seed: int) -> Iterator[None]:
    """Kill one of either kind after every twenty-five messages or so.

    By messages and not by the clock, or a slow machine would lose so many processes for each message that some use
    up their receives.
    """
    over = threading.Event()
    victims = {KILL: player.environment_pids, RENDERER_KILL: lambda: renderers_of(player.environment_pids())}

    def kill(kind: str, find: Callable[[], list[int]]) -> None:
        rng = random.Random(f"{seed} {kind}")
        enough = rng.randint(*SPARED)
        while not over.wait(rng.uniform(0.0, 0.4)):
            if player.counts.messages >= enough and (pids := find()):
                enough = player.counts.messages + rng.randint(*SPARED)
                with suppress(ProcessLookupError):  # it has just been cleared away
                    os.kill(rng.choice(pids), signal.SIGKILL)
                    counts[kind] += 1

    threads = [threading.Thread(target=kill, args=each, name=each[0]) for each in victims.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def renderers_of(environments: list[int]) -> list[int]:
    """The process ids of the renderers: the grandchildren of the execution environments."""
    return [renderer for pid in environments for keeper in children(pid) for renderer in children(keeper)]


def children(pid: int) -> list[int]:
    """The process ids of a process's children; none when it has ended."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found
