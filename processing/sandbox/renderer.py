"""One child after the other, as the consumer sees them: asked, ended at the deadline, replaced whenever in doubt."""

import itertools
import signal
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol, TypeVar

from processing.errors import Rejected, RenderBug, RenderCrash, RenderOutOfMemory, RenderTimeout, SandboxFailed
from processing.picture import Rendered
from processing.sandbox.channel import Gone, Nonsense, Unread
from processing.sandbox.questions import Answer, Child, Image, Line

T = TypeVar("T")

STARTUP_SECONDS: Final = 20.0
MOST_CHILDREN: Final = 3  # that one question is sent to


class Starter(Protocol):
    """Starts children, as `Children` does."""

    def start(self) -> Line: ...

    def started(self, seconds: float) -> int | None: ...

    def restart(self) -> None: ...

    def close(self) -> None: ...


class Renderer:
    """Renders one image at a time, for one thread at a time, in a child process.

    A child goes on to the next question only after an answer that belongs to the last one. After anything else it is
    ended, and its channel with it: a late answer has nowhere to arrive, and a question that was not read is lost.
    """

    def __init__(self, children: Starter) -> None:
        self.children = children
        self._numbers = itertools.count(1)
        self._is_started = False
        self._child = Child(children.start(), self._numbers)

    def estimate(self, image: Image, *, seconds: float) -> float:
        """Hand an image to the child, which reads its header; the megabytes that rendering would take.

        Reading headers is not limited in memory: none takes any that counts. A WebP's reader makes room for all pixels,
        381 MB for 50 million of them, but touches none of it.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: as the engine in the child says.
            RenderTimeout, RenderCrash, RenderOutOfMemory: it did not come back; the next image gets a fresh child.
            RenderBug: anything else that was raised in the child.
            SandboxFailed: the image was not rendered, through no fault of its own.
        """
        return self._ask(image, {"is_admitted": False}, seconds, Answer.estimate)

    def render(
        self, image: Image, *, megabytes: float, seconds: float, only: Collection[str] | None = None
    ) -> Rendered:
        """Have the child render the image; one that has not seen it yet receives it.

        Args:
            megabytes: what rendering may take.
            only: the names of the variants to make, all of them when not given.

        Raises: as `estimate` does.
        """
        question = {"is_admitted": True, "megabytes": megabytes, "only": None if only is None else sorted(only)}
        return self._ask(image, question, seconds, Answer.rendered)

    def await_birth(self) -> int | None:
        """Wait until there is a child to work; how the one before ended, if there was one and it is not known yet.

        Raises:
            RuntimeError: two keepers in turn could not start one.
        """
        if self._is_started:
            return None
        for _ in range(2):
            try:
                ended = self.children.started(STARTUP_SECONDS)
            except (Gone, Nonsense, TimeoutError):
                self._restart()
            else:
                self._is_started = True
                return ended
        raise RuntimeError(f"no renderer came to life in {STARTUP_SECONDS:g} s; its keeper's output tells why")

    def kill(self) -> None:
        """End the child; the next image gets a fresh one."""
        self._start()

    def close(self) -> None:
        """End the child and its keeper."""
        self._child.close()
        self.children.close()

    def _start(self) -> None:
        """Replace the child, without waiting for the new one."""
        self._is_started = False
        self._child.close()
        self._child = Child(self.children.start(), self._numbers)

    def _restart(self) -> None:
        """Replace the keeper, and so the child."""
        self.children.restart()
        self._start()

    def _ask(self, image: Image, question: Mapping[str, Any], seconds: float, read: Callable[[Answer], T]) -> T:
        """Ask one child after the other, until one has read the question."""
        for _ in range(MOST_CHILDREN):
            self.await_birth()
            try:
                return self._ask_child(image, question, seconds, read)
            except Unread:
                self._start()  # it had ended before, whatever by: that blames no image
        raise SandboxFailed(f"{MOST_CHILDREN} renderers in turn ended before they had read the question")

    def _ask_child(self, image: Image, question: Mapping[str, Any], seconds: float, read: Callable[[Answer], T]) -> T:
        try:
            answer = self._child.ask(image, question, seconds)
            if answer.is_last:
                self._start()
            return read(answer)
        except (Rejected, RenderBug, Unread):
            raise
        except TimeoutError:
            self._start()
            raise RenderTimeout(f"not done after {seconds:g} s") from None
        except Gone:
            self._start()
            raise _cause_of_death(self.await_birth()) from None
        except Nonsense as error:
            self._restart()
            raise SandboxFailed(f"the renderer was replaced: {error}") from error
        except BaseException:
            self._start()  # nobody knows what it is at
            raise


def _cause_of_death(status: int | None) -> Rejected | SandboxFailed:
    """What a renderer's exit status says: negative is the signal that ended it."""
    if status is None:
        return SandboxFailed("the renderer's keeper has ended, and the renderer with it")
    if status in (-signal.SIGXCPU, -signal.SIGALRM):
        return RenderTimeout(f"ended by {signal.Signals(-status).name}")
    if status == -signal.SIGKILL:
        return RenderOutOfMemory("ended by SIGKILL, as the system does when memory is exhausted")
    if status < 0:
        return RenderCrash(f"ended by {signal.Signals(-status).name}")
    return RenderCrash(f"ended with status {status}")
