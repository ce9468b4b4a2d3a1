"""Kills execution environments of consumer and announcer, and renderers alone, while messages are worked on."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.local.player import Player
from ops.local.stream_player import StreamPlayer

KILL = "SIGKILL of an execution environment"
RENDERER_KILL = "SIGKILL of a renderer alone"
ANNOUNCER_KILL = "SIGKILL of the announcer at any moment"
KINDS = (KILL, RENDERER_KILL, ANNOUNCER_KILL)

MESSAGES_SPARED = (5, 45)  # between one kill of a kind and the next
BATCHES_SPARED = (2, 8)  # of the announcer


@contextmanager
def killing(player: Player, announcer: StreamPlayer, counts: Counter[str], *, seed: int) -> Iterator[None]:
    """Kill one of each kind after every twenty-five messages or so, and the announcer after five batches.

    By messages and not by the clock, or a slow machine would lose so many processes for each message that some use
    up their receives.
    """
    over = threading.Event()

    def kill(kind: str, find: Callable[[], list[int]], done: Callable[[], int], spared: tuple[int, int]) -> None:
        rng = random.Random(f"{seed} {kind}")
        enough = rng.randint(*spared)
        while not over.wait(rng.uniform(0.0, 0.4)):
            if done() >= enough and (pids := find()):
                enough = done() + rng.randint(*spared)
                with suppress(ProcessLookupError):  # it has just been cleared away
                    os.kill(rng.choice(pids), signal.SIGKILL)
                    counts[kind] += 1

    victims = [
        (KILL, player.environment_pids, lambda: player.counts.messages, MESSAGES_SPARED),
        (
            RENDERER_KILL,
            lambda: renderers_of(player.environment_pids()),
            lambda: player.counts.messages,
            MESSAGES_SPARED,
        ),
        (ANNOUNCER_KILL, announcer.environment_pids, lambda: announcer.counts.batches, BATCHES_SPARED),
    ]
    threads = [threading.Thread(target=kill, args=each, name=each[0]) for each in victims]
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
