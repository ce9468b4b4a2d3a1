"""An image to a free renderer, within memory and time; and when that ends badly, once more, alone."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from processing.errors import (
    ImageTooLarge,
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
from processing.sandbox.memory_budget import MemoryBudget
from processing.sandbox.questions import Image
from processing.sandbox.renderer import Renderer
from processing.sandbox.time_budget import TimeBudget

DIED = (RenderTimeout, RenderCrash, RenderOutOfMemory)


@dataclass
class Try:
    """One try at an image."""

    alone: bool
    only: Collection[str] | None
    admitted: bool = False  # its header was read, and there was room for what it promised


class Renderers:
    """Renders as `imaging.render` does, in child processes; threads share it.

    Args:
        recipe: the one that the children were started with.
        room: the memory for the pixels of all images that are rendered at once.
        budget: knows what time is left, and how long one try may take.
        clock: any that goes on by seconds.
    """

    def __init__(
        self,
        renderers: Sequence[Renderer],
        recipe: Recipe,
        *,
        room: MemoryBudget,
        budget: TimeBudget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renderers = tuple(renderers)
        self._recipe = recipe
        self._room = room
        self._budget = budget
        self._clock = clock
        self._idle: SimpleQueue[Renderer] = SimpleQueue()
        for renderer in renderers:
            self._idle.put(renderer)

    def render(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        """Make the variants of the recipe, or those with the names in ``only``.

        What ends badly after its header promised well may have ended so by its neighbours' doing, or by the memory it
        was allowed: so it is tried again, with nothing beside it and all the memory there is.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
            RenderTimeout, RenderCrash, RenderOutOfMemory: they are, in a way that no error tells; twice.
            SandboxFailed: the child processes failed, and the image may well be sound.
            NotStarted: the invocation ends too soon to begin.
            OutOfTime: too little of it is left, beside what is promised to others, to be sure by a second try.
        """
        if recipe != self._recipe:
            raise ValueError("the renderers were started with another recipe")
        image, first = Image.of(data), Try(alone=False, only=only)
        try:
            return self._try(image, first)
        except (Rejected, RenderBug, SandboxFailed) as error:
            if not first.admitted and not isinstance(error, (*DIED, SandboxFailed)):
                raise
            return self._again(image, only, error)

    def close(self) -> None:
        """End the children."""
        for renderer in self._renderers:
            renderer.close()

    def _again(self, image: Image, only: Collection[str] | None, earlier: Exception) -> Rendered:
        try:
            return self._try(image, Try(alone=True, only=only))
        except NotStarted as error:
            raise OutOfTime(f"{_named(earlier)}; not tried again alone: {error}") from earlier
        except Rejected as error:
            if isinstance(error, DIED) and isinstance(earlier, SandboxFailed):
                raise earlier from error  # it has ended badly once, and that decides nothing
            error.add_note(f"first, beside others: {_named(earlier)}")
            raise

    def _try(self, image: Image, this: Try) -> Rendered:
        """One try, which ends within its seconds however they fall on its header and its pixels."""
        with self._budget.attempt():
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
        if megabytes > self._room.megabytes:
            raise ImageTooLarge(
                f"it would take {megabytes:,.0f} MB to render; this function has {self._room.megabytes:,.0f} for it"
            )
        with self._room.take(self._room.megabytes if this.alone else megabytes) as held:
            self._budget.check(seconds)  # the wait for room may have been long
            this.admitted = True
            yield held


def _named(error: Exception) -> str:
    return f"{error.kind if isinstance(error, RenderBug) else type(error).__name__}: {error}"
