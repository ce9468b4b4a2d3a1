"""Sends each image to a free renderer, within memory and time; retries once, alone, after a failure."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from processing.errors import (
    NotStarted,
    OutOfTime,
    Rejected,
    RenderBug,
    RenderCrash,
    RenderOutOfMemory,
    RenderTimeout,
    SandboxFailed,
)
from processing.picture import Rendered
from processing.recipe import Recipe
from processing.sandbox.capacity import MemoryBudget, TimeBudget
from processing.sandbox.renderer import Image, Renderer

RENDERER_FAILURES = (RenderTimeout, RenderCrash, RenderOutOfMemory)


@dataclass
class Try:
    """One try at an image."""

    alone: bool
    only: Collection[str] | None
    admitted: bool = False  # its header was read, and the estimated memory was free


class Renderers:
    """Renders as `imaging.render` does, in child processes; threads share it.

    Args:
        recipe: the one that the children were started with.
        memory: for the pixels of all images that are rendered at once.
        budget: the time that is left, and the longest that one try may take.
        clock: in seconds, monotonic.
    """

    def __init__(
        self,
        renderers: Sequence[Renderer],
        recipe: Recipe,
        *,
        memory: MemoryBudget,
        budget: TimeBudget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renderers = tuple(renderers)
        self._recipe = recipe
        self._memory = memory
        self._budget = budget
        self._clock = clock
        self._idle: SimpleQueue[Renderer] = SimpleQueue()
        for renderer in renderers:
            self._idle.put(renderer)

    def render(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        """Make the variants of the recipe, or those with the names in ``only``.

        A failure after the header was accepted may be due to other images, or to the memory limit: so the image is
        tried again, alone and with all the memory.

        Args:
            recipe: the one that the children were started with, or that one `in_jpeg`.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
            RenderTimeout, RenderCrash, RenderOutOfMemory: rendering failed twice without an error of the engine.
            SandboxFailed: the child processes failed; the image may be valid.
            NotStarted: the invocation ends too soon to begin.
            OutOfTime: too little time is left for a second try.
        """
        in_jpeg = recipe != self._recipe
        if in_jpeg and recipe != self._recipe.in_jpeg():
            raise ValueError("the renderers were started with another recipe")
        image, first = Image.of(data, in_jpeg=in_jpeg), Try(alone=False, only=only)
        try:
            return self._try(image, first)
        except (Rejected, RenderBug, SandboxFailed) as error:
            if not first.admitted and not isinstance(error, (*RENDERER_FAILURES, SandboxFailed)):
                raise
            return self._retry_alone(image, only, error)

    def close(self) -> None:
        """End the children."""
        for renderer in self._renderers:
            renderer.close()

    def _retry_alone(self, image: Image, only: Collection[str] | None, earlier: Exception) -> Rendered:
        try:
            return self._try(image, Try(alone=True, only=only))
        except NotStarted as error:
            raise OutOfTime(f"{_description(earlier)}; not retried alone: {error}") from earlier
        except Rejected as error:
            if isinstance(error, RENDERER_FAILURES) and isinstance(earlier, SandboxFailed):
                raise earlier from error  # the renderer has failed once, which is not conclusive
            error.add_note(f"the first try, beside other images: {_description(earlier)}")
            raise

    def _try(self, image: Image, this: Try) -> Rendered:
        """One try: its header and its pixels share its seconds."""
        renderer = self._idle.get()
        try:
            self._budget.check()
            end = self._clock() + self._budget.try_seconds
            estimate = renderer.estimate(image, seconds=self._budget.try_seconds)
            seconds = end - self._clock()
            with self._admit(estimate, this, seconds) as megabytes:
                return renderer.render(image, megabytes=megabytes, seconds=seconds, only=this.only)
        finally:
            self._idle.put(renderer)

    @contextmanager
    def _admit(self, megabytes: float, this: Try, seconds: float) -> Iterator[float]:
        self._memory.check(megabytes)
        with self._memory.reserve(self._memory.megabytes if this.alone else megabytes) as reserved:
            self._budget.check(seconds)  # the wait for memory may have been long
            this.admitted = True
            yield reserved


def _description(error: Exception) -> str:
    return f"{error.kind if isinstance(error, RenderBug) else type(error).__name__}: {error}"
