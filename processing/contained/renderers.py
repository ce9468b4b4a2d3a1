"""An image to a free renderer, within memory and time; and when that ends badly, once more, alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from processing.contained.questions import Image
from processing.contained.renderer import Renderer
from processing.contained.room import Room
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
from processing.pace import Pace
from processing.picture import Rendered
from processing.recipe import Recipe

DIED = (RenderTimeout, RenderCrash, RenderOutOfMemory)


@dataclass
class Try:
    """One try at an image."""

    alone: bool
    admitted: bool = False  # its header was read, and there was room for what it promised


class Renderers:
    """Renders as `imaging.render` does, in child processes; threads share it.

    Args:
        recipe: the one that the children were started with.
        room: the memory for the pixels of all images that are rendered at once.
        pace: knows what time is left, and learns what rendering takes.
        seconds: the longest one try may take.
    """

    def __init__(
        self, renderers: Sequence[Renderer], recipe: Recipe, *, room: Room, pace: Pace, seconds: float
    ) -> None:
        self._renderers = tuple(renderers)
        self._recipe = recipe
        self._room = room
        self._pace = pace
        self._seconds = seconds
        self._idle: SimpleQueue[Renderer] = SimpleQueue()
        for renderer in renderers:
            self._idle.put(renderer)

    def render(self, data: bytes, recipe: Recipe) -> Rendered:
        """Make every variant of the recipe.

        What ends badly after its header promised well may have ended so by its neighbours' doing, or by the memory it
        was allowed: so it is tried again, with nothing beside it and all the memory there is.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
            RenderTimeout, RenderCrash, RenderOutOfMemory: they are, in a way that no error tells; twice.
            SandboxFailed: the child processes failed, and the image may well be sound.
            NotStarted: the invocation ends too soon to begin.
            OutOfTime: it ends too soon to be sure.
        """
        if recipe != self._recipe:
            raise ValueError("the renderers were started with another recipe")
        image, first = Image.of(data), Try(alone=False)
        try:
            return self._try(image, first)
        except (Rejected, RenderBug, SandboxFailed) as error:
            if not first.admitted and not isinstance(error, (*DIED, SandboxFailed)):
                raise
            if self._pace.seconds_to_render() < self._seconds:
                raise OutOfTime(f"{_named(error)}; too little time is left to try it again alone") from error
            return self._again(image, error)

    def close(self) -> None:
        """End the children."""
        for renderer in self._renderers:
            renderer.close()

    def _again(self, image: Image, earlier: Exception) -> Rendered:
        try:
            return self._try(image, Try(alone=True))
        except NotStarted as error:
            raise OutOfTime(f"{_named(earlier)}; not tried again alone: {error}") from earlier
        except Rejected as error:
            if isinstance(error, DIED) and isinstance(earlier, SandboxFailed):
                raise earlier from error  # it has ended badly once, and that decides nothing
            error.add_note(f"first, beside others: {_named(earlier)}")
            raise

    def _try(self, image: Image, this: Try) -> Rendered:
        with self._pace.apart():
            renderer = self._idle.get()
            try:
                seconds = self._pace.allowed(self._seconds)
                with self._admit(renderer.price(image, seconds=seconds), this) as megabytes:
                    return renderer.render(image, megabytes=megabytes, seconds=seconds)
            except RenderTimeout as error:
                if seconds < self._seconds:
                    raise OutOfTime(f"{error}; the invocation ends too soon to know more") from error
                raise
            finally:
                self._idle.put(renderer)

    @contextmanager
    def _admit(self, megabytes: float, this: Try) -> Iterator[float]:
        if megabytes > self._room.megabytes:
            raise ImageTooLarge(
                f"it would take {megabytes:,.0f} MB to render; this function has {self._room.megabytes:,.0f} for it"
            )
        with self._room.take(self._room.megabytes if this.alone else megabytes) as held:
            self._pace.check(megabytes, at_most=self._seconds)
            this.admitted = True
            with self._pace.rendering(megabytes):
                yield held


def _named(error: Exception) -> str:
    return f"{error.kind if isinstance(error, RenderBug) else type(error).__name__}: {error}"
