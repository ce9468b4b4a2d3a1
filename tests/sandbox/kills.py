"""Kill the renderer, or its keeper, at every step of the protocol: ``python -m tests.sandbox.kills --rounds 200``.

In each round one process dies at one step, in the middle of several pictures; each result is compared with what the
engine makes of the picture without any child.
"""

import argparse
import itertools
import os
import random
import select
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from processing import imaging
from processing.recipe import Recipe, load
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget
from tests.sandbox.conftest import AMPLE, MEGABYTES, family, picture
from tests.sandbox.hooks import ANSWERS, RENDERER_STEPS, START_STEPS

HOOKS = "tests.sandbox.hooks"
Kill = tuple[str, str]  # what dies or is answered, and at which step

KILLS: tuple[Kill, ...] = (
    *itertools.product(("renderer", "keeper"), RENDERER_STEPS),
    *(("start", step) for step in START_STEPS),
    *(("answer", how) for how in ANSWERS),
    *itertools.product(("idle renderer", "idle keeper", "both idle"), ("once", "twice", "unnoticed", "while ordering")),
)


@dataclass
class Tally:
    """What came of the rounds; ``wrong`` and ``failed`` name the pictures, by what was killed."""

    kills: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Rounds:
    """Rounds on one environment with one renderer.

    Args:
        folder: where it is remembered which kills have been done.
    """

    def __init__(self, recipe: Recipe, folder: Path, *, seed: int = 1) -> None:
        self._recipe = recipe
        self._folder = folder
        self._markers = itertools.count()
        self._rng = random.Random(seed)
        self.renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOOKS))
        self._renderers = Renderers([self.renderer], recipe, memory=MemoryBudget(MEGABYTES), budget=TimeBudget(AMPLE))
        self.tally = Tally()

    def close(self) -> None:
        """End the processes."""
        self._renderers.close()

    def play(self, kill: Kill) -> None:
        """One round: two sound pictures, the one during which it happens, and two more."""
        what, step = kill
        self.tally.kills[what] += 1
        self.render(kill)
        self.render(kill)
        marker = self._folder / str(next(self._markers))
        if "idle" in what:
            self._kill_idle(what, step)
            marker.touch()
        self.render(kill, spell=f"%%{what}|{step}|{marker}".encode())
        self.render(kill)
        self.render(kill)
        if not marker.exists():
            self.tally.failed.append(f"{what}, {step}: never happened")

    def render(self, kill: Kill, *, spell: bytes = b"") -> None:
        """Render a picture that no other is like, and compare."""
        size = (self._rng.randint(8, 400), self._rng.randint(8, 300))
        data = picture(tuple(self._rng.randbytes(3)), size=size)
        self.tally.pictures += 1
        try:
            made = self._renderers.render(data + spell, self._recipe)
        except Exception as error:  # noqa: BLE001 - it is counted
            self.tally.failed.append(f"{', '.join(kill)}: {error!r}")
            return
        if made != imaging.render(data, self._recipe):
            self.tally.wrong.append(", ".join(kill))

    def _kill_idle(self, victims: str, how: str) -> None:
        """Kill what waits for a question, or to be ordered."""
        for time in range(2 if how == "twice" else 1):
            if time:
                self.renderer.kill()
            self.renderer.wait_until_started()
            keeper, child = family(self.renderer)
            if how == "while ordering":
                os.kill(keeper, signal.SIGSTOP)
                self.renderer.kill()  # the keeper does not read this order before it goes on, if it does
            for pid in {"idle renderer": [child], "idle keeper": [keeper], "both idle": [keeper, child]}[victims]:
                os.kill(pid, signal.SIGKILL)
            if how == "while ordering":
                os.kill(keeper, signal.SIGCONT)
            elif how != "unnoticed":
                self._see_the_end()

    def _see_the_end(self) -> None:
        """Wait until the renderer has ended for all to see."""
        end, *_ = self.renderer._channel.descriptors
        poll = select.poll()
        poll.register(end, select.POLLHUP)
        assert poll.poll(AMPLE * 1000), "the renderer has not ended"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when every picture was the engine's own, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    recipe = load((Path(__file__).parents[2] / "recipe.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="darkroom-kills-") as folder:
        rounds = Rounds(recipe, Path(folder), seed=options.seed)
        try:
            for kill in itertools.islice(itertools.cycle(KILLS), options.rounds):
                rounds.play(kill)
        finally:
            rounds.close()
    tally = rounds.tally
    for what, number in tally.kills.items():
        print(f"{what}: {number} rounds")
    print(f"{tally.pictures} pictures, {len(tally.wrong)} wrong, {len(tally.failed)} failed")
    print("\n".join((*tally.wrong, *tally.failed)))
    return 1 if tally.wrong or tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
