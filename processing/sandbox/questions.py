"""Questions about images to one child, and the answers that belong to them.

Every question has a number and the digest of the image it is about; every answer repeats the number, with the digest of
the image that the child holds. An answer that differs in either answers something else, and is not used.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from processing.errors import CorruptImage, ImageTooLarge, RenderBug, RenderOutOfMemory, UnsupportedFormat
from processing.picture import Rendered, RenderedVariant, Source
from processing.sandbox.channel import Nonsense

REJECTIONS: Final = {kind.__name__: kind for kind in (UnsupportedFormat, CorruptImage, ImageTooLarge)}


def digest(data: bytes) -> str:
    """What tells one image from another: 0.6 ms a megabyte here, where BLAKE2b takes 1.3."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Image:
    """An image's bytes, and their digest."""

    data: bytes = field(repr=False)
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Image":
        return cls(data, digest(data))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child answered; ``is_last`` when it leaves after this one, because it has grown."""

    message: Mapping[str, Any]
    body: bytes
    is_last: bool

    def estimate(self) -> float:
        """The memory estimate, in megabytes.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge, RenderOutOfMemory, RenderBug: what was raised in the child.
            Nonsense: it is not an answer to a question for the estimate.
        """
        self._raise_failure()
        try:
            return float(self.message["estimate"])
        except (KeyError, TypeError, ValueError) as error:
            raise Nonsense(f"no estimate: {error!r}") from error

    def rendered(self) -> Rendered:
        """The variants; raises as `estimate` does."""
        self._raise_failure()
        try:
            return _rendered(self.message["rendered"], self.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Nonsense(f"no rendered image: {error!r}") from error

    def _raise_failure(self) -> None:
        message = self.message
        try:
            if "rejected" in message:
                raise REJECTIONS.get(message["rejected"], CorruptImage)(message["text"])
            if "memory" in message:
                raise RenderOutOfMemory(message["text"] or "it does not fit in the memory it may have")
            if "bug" in message:
                raise RenderBug(message["bug"], message["text"], message["places"], message["traceback"])
        except (KeyError, TypeError) as error:
            raise Nonsense(f"no failure: {error!r}") from error


class Line(Protocol):
    """The consumer's end of a child's channel."""

    def send(self, message: Mapping[str, Any], body: Sequence[bytes] = ()) -> None: ...

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]: ...

    def close(self) -> object: ...


class Child:
    """One child, as long as it lives.

    Args:
        numbers: of the questions; no two questions of a consumer to its children have the same.
    """

    def __init__(self, line: Line, numbers: Iterator[int]) -> None:
        self._line = line
        self._numbers = numbers
        self._holds = ""  # the digest of the image that it was sent last

    def ask(self, image: Image, question: Mapping[str, Any], seconds: float) -> Answer:
        """Send the question, with the image unless the child holds it, and wait for its answer.

        Whatever is raised, the child must not be asked again: its answer may still come.

        Raises:
            Unread: the child had ended before it read the question.
            Gone: it ended before it answered.
            TimeoutError: nothing came by the deadline.
            Nonsense: what came does not belong to this question.
        """
        deadline = time.monotonic() + seconds
        number, is_new = next(self._numbers), image.digest != self._holds
        asked = {"number": number, "image": image.digest, "sends_image": is_new, "seconds": seconds, **question}
        self._line.send(asked, [image.data] if is_new else ())
        self._holds = image.digest
        message, body = self._line.receive(max(0.001, deadline - time.monotonic()))
        if (message.get("number"), message.get("image")) != (number, image.digest):
            raise Nonsense(f"question {number} was answered with number {message.get('number')!r}, or another image")
        return Answer(message, body, message.get("is_last") is True)

    def close(self) -> None:
        """Hear nothing of it any more."""
        self._line.close()


def _rendered(message: Mapping[str, Any], body: bytes) -> Rendered:
    variants, at = [], 0
    for each in message["variants"]:
        size = each.pop("bytes")
        variants.append(RenderedVariant(**each, data=body[at : at + size]))
        at += size
    if at != len(body):
        raise ValueError(f"{at} bytes were announced, {len(body)} came")
    return Rendered(Source(**message["source"]), tuple(variants), tuple(message["lost"]), message["milliseconds"])
