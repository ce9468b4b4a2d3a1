"""The engine in the consumer's own process, one image at a time, where no child process can be had.

An image that crashes, hangs or takes more memory than its header promises takes the whole invocation with it. The one
bound that is left: an image whose memory estimate exceeds the memory for rendering is refused before it is decoded.
"""

import threading
import time
from collections.abc import Collection
from dataclasses import replace

from processing import imaging
from processing.memory import memory_estimate
from processing.picture import Rendered
from processing.recipe import Recipe
from processing.sandbox.capacity import MemoryBudget, TimeBudget
from processing.sandbox.start import PIXEL


class InProcess:
    """Renders as `imaging.render` does, in this process; threads share it.

    Args:
        memory: for the pixels of one image.
        budget: knows how much time is left.
    """

    def __init__(self, *, memory: MemoryBudget, budget: TimeBudget) -> None:
        self._memory = memory
        self._budget = budget
        self._turn = threading.Lock()

    def render(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        """Make the variants of the recipe, or those with the names in ``only``.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
            NotStarted: the invocation ends too soon to begin.
        """
        with self._turn:
            self._budget.check()
            self._memory.check(memory_estimate(imaging.inspect(data, recipe.limits), recipe))
            start = time.perf_counter()
            rendered = imaging.render(data, recipe, only)
            return replace(rendered, milliseconds=round((time.perf_counter() - start) * 1000))

    def check(self, recipe: Recipe) -> None:
        """Make every variant of a picture of one pixel. Raises whatever the engine raises."""
        imaging.render(PIXEL, recipe)
