"""Children of a script in this process: they answer late, twice, something else, or die."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from processing.errors import CorruptImage
from processing.picture import Rendered
from processing.sandbox.fork_server import _failure_message, _rendered_message
from processing.sandbox.processes import ChannelClosed, NotDelivered, ProtocolError, digest

Message = tuple[dict[str, Any], bytes]
ESTIMATE = 1.0  # megabytes that every image promises to take


class Trouble(StrEnum):
    """What becomes of one question."""

    LATE = "answered after the deadline"
    TWICE = "answered twice"
    AGAIN = "answered, and then the last two questions once more"
    SWAPPED = "answered with the last answer, and then its own"
    NUMBER = "answered under another number"
    IMAGE = "answered as for another image"
    GARBLED = "answered with what is no message"
    SHAPE = "answered with a message of another shape"
    UNREAD = "the child had died before"
    DIED = "the child died of it"
    KEEPER = "the keeper was killed"
    BROKEN = "something else was raised meanwhile"


RAISED: dict[Trouble | None, type[Exception]] = {  # at the consumer's end, in place of an answer
    Trouble.LATE: TimeoutError,
    Trouble.GARBLED: ProtocolError,
    Trouble.UNREAD: NotDelivered,
    Trouble.DIED: ChannelClosed,
    Trouble.KEEPER: ChannelClosed,
    Trouble.BROKEN: ZeroDivisionError,
}


@dataclass
class ScriptedLine:
    """The consumer's end of a child's channel, and the child."""

    script: "Script"
    image: bytes = b""
    ended: int | None = None
    is_closed: bool = False
    raised: type[Exception] | None = None

    def send(self, message: Mapping[str, Any], body: Sequence[bytes] = ()) -> None:
        assert not self.is_closed, "a child was asked that nobody knows the state of"
        trouble = self.script.trouble()
        self.script.met.append(trouble)
        self.raised = RAISED.get(trouble)
        if trouble is not Trouble.UNREAD:
            self.image = body[0] if message["sends_image"] else self.image
            self._say_answer(message, trouble)
        if self.raised in (NotDelivered, ChannelClosed):
            self.ended = -11
        if trouble is Trouble.KEEPER:
            self.script.keeper_lives = False

    def receive(self, seconds: float | None = None) -> Message:
        if self.raised is not None:
            raise self.raised
        message, body = self.script.arriving.popleft()
        return dict(message), body

    def close(self) -> None:
        self.is_closed = True

    def _say_answer(self, question: Mapping[str, Any], trouble: Trouble | None) -> None:
        try:
            self.script.say(self._answer(question), trouble)
        except TimeoutError:
            self.raised = TimeoutError

    def _answer(self, question: Mapping[str, Any]) -> Message:
        head = {"number": question["number"], "image": digest(self.image), "is_last": False}
        if not question["is_admitted"]:
            return {**head, "estimate": ESTIMATE}, b""
        try:
            made = self.script.render(self.image, question)
        except (CorruptImage, MemoryError) as error:
            return {**head, **_failure_message(error)}, b""
        return {**head, "rendered": {**_rendered_message(made), "milliseconds": 1}}, b"".join(
            each.data for each in made.variants
        )


@dataclass
class Script:
    """Starts scripted children.

    Args:
        render: the engine, which is given the question too; its TimeoutError is an answer that does not come in time.
        trouble: what becomes of the next question, if it is not just answered.
        own_channels: whether what a child still had to say is lost with it, as with processes, or arrives at the next
            one's end: then numbers and digests are all that there is.
    """

    render: Callable[[bytes, Mapping[str, Any]], Rendered]
    trouble: Callable[[], Trouble | None]
    own_channels: bool
    met: list[Trouble | None] = field(default_factory=list)  # one for each question
    keeper_lives: bool = True
    line: ScriptedLine | None = None
    ended: int | None = None
    last: Message = field(default_factory=lambda: ({}, b""))
    arriving: deque[Message] = field(default_factory=deque)

    def start(self) -> ScriptedLine:
        self.ended = None if self.line is None else self.line.ended if self.line.ended is not None else -9
        self.line = ScriptedLine(self)
        if self.own_channels:
            self.arriving.clear()
        return self.line

    def started(self, seconds: float) -> int | None:
        if not self.keeper_lives:
            raise ChannelClosed
        return self.ended

    def restart(self) -> None:
        self.line, self.keeper_lives = None, True

    def close(self) -> None:
        self.keeper_lives = False

    def say(self, answer: Message, trouble: Trouble | None) -> None:
        message, body = answer
        match trouble:
            case Trouble.TWICE:
                self.arriving += [answer, answer]
            case Trouble.AGAIN:
                self.arriving += [answer, self.last, answer]
            case Trouble.SWAPPED:
                self.arriving += [self.last, answer]
            case Trouble.NUMBER:
                self.arriving.append(({**message, "number": self.last[0].get("number")}, body))
            case Trouble.IMAGE:
                self.arriving.append(({**message, "image": digest(b"another")}, body))
            case Trouble.SHAPE:
                self.arriving.append(({"number": message["number"], "image": message["image"]}, body))
            case _:
                self.arriving.append(answer)
        self.last = answer
