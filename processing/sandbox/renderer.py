"""Renders in one child process after the other: asks it, ends it at the deadline, replaces it when in doubt.

Every question has a number and the digest of the image that it is about; the answer repeats the number, with the digest
of the image that the child has. An answer that differs in either belongs to another question, and is not used.
"""

import itertools
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from processing.errors import (
    CorruptImage,
    ImageTooLarge,
    Rejected,
    RenderBug,
    RenderCrash,
    RenderOutOfMemory,
    RenderTimeout,
    SandboxFailed,
    UnsupportedFormat,
)
from processing.picture import Preview, Rendered, RenderedVariant, Source
from processing.sandbox.processes import ChannelClosed, Children, NotDelivered, ProtocolError, digest

T = TypeVar("T")

STARTUP_SECONDS: Final = 20.0
MAX_CHILDREN: Final = 3  # that one question is sent to
REJECTIONS: Final = {kind.__name__: kind for kind in (UnsupportedFormat, CorruptImage, ImageTooLarge)}


@dataclass(frozen=True, slots=True)
class Image:
    """An image's bytes, and their digest; ``in_jpeg`` when the recipe's "keep" means JPEG for it."""

    data: bytes = field(repr=False)
    digest: str
    in_jpeg: bool

    @classmethod
    def of(cls, data: bytes, *, in_jpeg: bool = False) -> "Image":
        return cls(data, digest(data), in_jpeg)


@dataclass(frozen=True, slots=True)
class Answer:
    """A child's answer; ``is_last`` when the child is to be replaced after it, because its memory has grown."""

    message: Mapping[str, Any]
    body: bytes
    is_last: bool

    def estimate(self) -> float:
        """The memory estimate, in megabytes.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge, RenderOutOfMemory, RenderBug: raised in the child.
            ProtocolError: it is not an answer to a question for the estimate.
        """
        self._raise_failure()
        try:
            return float(self.message["estimate"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"no estimate: {error!r}") from error

    def rendered(self) -> Rendered:
        """The variants; raises as `estimate` does."""
        self._raise_failure()
        try:
            return _rendered(self.message["rendered"], self.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProtocolError(f"no rendered image: {error!r}") from error

    def _raise_failure(self) -> None:
        message = self.message
        try:
            if "rejected" in message:
                raise REJECTIONS.get(message["rejected"], CorruptImage)(message["text"])
            if "memory" in message:
                raise RenderOutOfMemory(
                    message["text"] or "the image does not fit in the memory allowed for it (the parameter memory)"
                )
            if "bug" in message:
                raise RenderBug(message["bug"], message["text"], message["frames"], message["traceback"])
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"no failure: {error!r}") from error


class Renderer:
    """Renders one image at a time, for one thread at a time, in a child process.

    A child receives the next question only after an answer that belongs to the last one. After anything else it is
    ended, and its channel is closed: a late answer cannot arrive, and a question that was not read is lost.
    """

    def __init__(self, children: Children) -> None:
        self.children = children
        self._numbers = itertools.count(1)  # of the questions, to all of its children
        self._is_started = False
        self._channel = children.start()
        self._image_sent = ""  # the digest of the image that the child has

    def estimate(self, image: Image, *, seconds: float) -> float:
        """Send an image to the child, which reads its header; the megabytes that rendering takes at most.

        Reading headers is not limited in memory, because no header takes a significant amount. A WebP's reader
        allocates all pixels, 381 MB for 50 million of them, but does not touch them.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: raised by the engine in the child.
            RenderTimeout, RenderCrash, RenderOutOfMemory: the child ended; the next image gets a new one.
            RenderBug: anything else that was raised in the child.
            SandboxFailed: the image was not rendered, through no fault of its own.
        """
        return self._ask(image, {"is_admitted": False}, seconds, Answer.estimate)

    def render(
        self, image: Image, *, megabytes: float, seconds: float, only: Collection[str] | None = None
    ) -> Rendered:
        """Have the child render the image; a child that does not have it yet receives it.

        Args:
            megabytes: the most that rendering may take.
            only: the names of the variants to make, all of them when not given.

        Raises: as `estimate` does.
        """
        question = {"is_admitted": True, "megabytes": megabytes, "only": None if only is None else sorted(only)}
        return self._ask(image, question, seconds, Answer.rendered)

    def wait_until_started(self) -> int | None:
        """Wait until the child has started; the exit status of the one before, if there was one and it is new.

        Raises:
            RuntimeError: two fork servers in turn could not start one; its cause is the second failure.
        """
        if self._is_started:
            return None
        failure: Exception | None = None
        for _ in range(2):
            try:
                ended = self.children.started(STARTUP_SECONDS)
            except (ChannelClosed, ProtocolError, OSError) as error:  # TimeoutError is an OSError
                failure = error
                self._restart()
            else:
                self._is_started = True
                return ended
        raise RuntimeError(
            f"no renderer started within {STARTUP_SECONDS:g} s; see the output of its fork server"
        ) from failure

    def kill(self) -> None:
        """End the child; the next image gets a new one."""
        self._start()

    def close(self) -> None:
        """End the child and its fork server."""
        self._channel.close()
        self.children.close()

    def _start(self) -> None:
        """Replace the child, without waiting for the new one."""
        self._is_started = False
        self._channel.close()
        self._channel, self._image_sent = self.children.start(), ""

    def _restart(self) -> None:
        """Replace the fork server, and so the child."""
        self.children.restart()
        self._start()

    def _ask(self, image: Image, question: Mapping[str, Any], seconds: float, read: Callable[[Answer], T]) -> T:
        """Ask one child after the other, until one has read the question."""
        for _ in range(MAX_CHILDREN):
            self.wait_until_started()
            try:
                return self._ask_child(image, question, seconds, read)
            except NotDelivered:
                self._start()  # it had ended before, for whatever cause: the image is not at fault
        raise SandboxFailed(f"{MAX_CHILDREN} renderers in turn ended before they had read the question")

    def _ask_child(self, image: Image, question: Mapping[str, Any], seconds: float, read: Callable[[Answer], T]) -> T:
        try:
            answer = self._exchange(image, question, seconds)
            if answer.is_last:
                self._start()
            return read(answer)
        except (Rejected, RenderBug, NotDelivered):
            raise
        except TimeoutError:
            self._start()
            raise RenderTimeout(f"rendering did not finish within {seconds:g} s (the parameter trySeconds)") from None
        except ChannelClosed:
            self._start()
            raise _failure_of(self.wait_until_started()) from None
        except ProtocolError as error:
            self._restart()
            raise SandboxFailed(f"the renderer was replaced: {error}") from error
        except BaseException:
            self._start()  # the child's state is not known
            raise

    def _exchange(self, image: Image, question: Mapping[str, Any], seconds: float) -> Answer:
        """Send the question, with the image unless the child has it, and wait for its answer.

        Raises:
            NotDelivered: the child had ended before it read the question.
            ChannelClosed: it ended before it answered.
            TimeoutError: nothing came by the deadline.
            ProtocolError: the message that came does not belong to this question.
        """
        deadline = time.monotonic() + seconds
        number, is_new = next(self._numbers), image.digest != self._image_sent
        head = {"number": number, "image": image.digest, "sends_image": is_new, "in_jpeg": image.in_jpeg}
        self._channel.send({**head, "seconds": seconds, **question}, [image.data] if is_new else ())
        self._image_sent = image.digest
        message, body = self._channel.receive(max(0.001, deadline - time.monotonic()))
        said = message.get("number")
        if (said, message.get("image")) != (number, image.digest):
            raise ProtocolError(f"question {number} was answered with number {said!r}, or another image")
        return Answer(message, body, message.get("is_last") is True)


def _rendered(message: Mapping[str, Any], body: bytes) -> Rendered:
    variants, at = [], 0
    for each in message["variants"]:
        size = each.pop("bytes")
        variants.append(RenderedVariant(**each, data=body[at : at + size]))
        at += size
    if at != len(body):
        raise ValueError(f"{at} bytes were announced, {len(body)} came")
    source, preview = Source(**message["source"]), Preview(**message["preview"])
    return Rendered(source, tuple(variants), tuple(message["lost"]), preview, message["milliseconds"])


def _failure_of(status: int | None) -> Rejected | SandboxFailed:
    """The failure that a renderer's exit status stands for; a negative status is the signal that ended it."""
    if status is None:
        return SandboxFailed("the fork server ended, and its renderer with it")
    if status in (-signal.SIGXCPU, -signal.SIGALRM):
        return RenderTimeout(f"the renderer was ended by {signal.Signals(-status).name}: it exceeded its time limit")
    if status == -signal.SIGKILL:
        return RenderOutOfMemory("the renderer was ended by SIGKILL, which the kernel sends when memory is exhausted")
    if status < 0:
        return RenderCrash(f"the renderer was ended by {signal.Signals(-status).name}", signal=-status)
    return RenderCrash(f"the renderer ended with status {status}")
