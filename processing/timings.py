"""How long the stages of one object's processing take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Observe = Callable[[str, float, float], object]
"""Takes the name of a stage that has ended, failed or not, with its start and end in seconds since the epoch."""


class Timings:
    """Milliseconds by stage: ``with timings.stage("fetch"): ...``; a stage that is repeated is added up.

    A stage that is not ``kept`` is only observed: the record is written before it has ended, or it is the writing.
    """

    def __init__(self, clock: Callable[[], float], observe: Observe = lambda _name, _start, _end: None) -> None:
        self._clock = clock
        self._observe = observe
        self._last = 0
        self.by_stage: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str, *, kept: bool = True) -> Iterator[None]:
        start = self._clock()
        try:
            yield
        finally:
            end = self._clock()
            if kept:
                self._last = round((end - start) * 1000)
                self._add(name, self._last)
            self._observe(name, start, end)

    def split_wait(self, stage: str, worked: int) -> None:
        """Count the milliseconds of the last stage beyond ``worked`` as "wait"."""
        wait = max(0, self._last - worked)
        self._add(stage, -wait)
        self._add("wait", wait)

    def _add(self, stage: str, milliseconds: int) -> None:
        self.by_stage[stage] = self.by_stage.get(stage, 0) + milliseconds
