"""How long each stage of the work on an object took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Timings:
    """Milliseconds by stage: ``with watch("fetch"): ...``; a stage that comes again is added up.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0
        self.timings: dict[str, int] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = self._clock()
        try:
            yield
        finally:
            self._last = round((self._clock() - start) * 1000)
            self._add(stage, self._last)

    def waited(self, stage: str, worked: int) -> None:
        """Count what the stage that ended last took beyond ``worked`` milliseconds as ``wait``."""
        wait = max(0, self._last - worked)
        self._add(stage, -wait)
        self._add("wait", wait)

    def _add(self, stage: str, milliseconds: int) -> None:
        self.timings[stage] = self.timings.get(stage, 0) + milliseconds
