"""A keeper whose processes are killed at a given step of the protocol, or whose renderer answers what it should not.

Run as the keeper is. The end of an image, `%%what|step|file`, says what happens while it is asked about: once, as long
as there is no such file. Nothing waits for a moment to come: the process at the step kills itself, or its keeper.
"""

import mmap
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from processing import imaging
from processing.imaging import Rendered
from processing.recipe import Recipe
from processing.sandbox.fork_server import main
from processing.sandbox.processes import Channel

RENDERER_STEPS = (
    *(f"estimate {step}" for step in ("read", "half written", "written", "sent")),
    *(f"render {step}" for step in ("read", "started", "half written", "written", "sent")),
)
START_STEPS = ("order read", "forked", "started sent")  # of the keeper, while it starts the next renderer

Message = Mapping[str, Any]
Parts = Sequence[bytes]
AGREED = mmap.mmap(-1, 64)  # the step at which the keeper is to die; shared with its renderers


class Spell(NamedTuple):
    """What is to happen (the death of the renderer, of the keeper, of the keeper at the next start, an answer)."""

    what: str = ""
    step: str = ""
    file: str = ""

    @classmethod
    def of(cls, data: bytes) -> "Spell":
        _, found, spell = data.partition(b"%%")
        return cls(*spell.decode().split("|")) if found else cls()

    def strikes(self, what: str, step: str) -> bool:
        """Whether it is time; at most once."""
        if (self.what, self.step) != (what, step) or Path(self.file).exists():
            return False
        Path(self.file).touch()
        return True


def reach(spell: Spell, step: str) -> None:
    """Die here, if the image says so."""
    if spell.strikes("renderer", step):
        os.kill(os.getpid(), signal.SIGKILL)
    if spell.strikes("keeper", step):
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()  # the system ends a renderer with its keeper


class Hooked(Channel):
    """An end of a channel, in the keeper or its renderer."""

    spell = Spell()
    asked = ""
    rendered: tuple[Message, Parts] = ({}, ())  # the last answer with a picture

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
        message, body = super().receive(seconds)
        if "number" in message:
            self.spell = Spell.of(body) if message["sends_image"] else self.spell
            self.asked = "render" if message["is_admitted"] else "estimate"
            reach(self.spell, f"{self.asked} read")
        return message, body

    def receive_channel(self) -> tuple[dict[str, Any], Self]:
        received = super().receive_channel()
        die_as_agreed("order read")
        return received

    def send(self, message: Message, body: Parts = (), *, passing: Channel | None = None) -> None:
        if "started" in message:
            die_as_agreed("forked")
            super().send(message, body)
            die_as_agreed("started sent")
        else:
            self._answer(message, body)

    def _answer(self, message: Message, body: Parts) -> None:
        whole = b"".join(body)
        self._write(whole[: len(whole) // 2], 0)
        reach(self.spell, f"{self.asked} half written")
        self._write(whole, 0)
        reach(self.spell, f"{self.asked} written")
        answers = [(message, body)]
        if "rendered" in message:
            for how, change in ANSWERS.items():
                if self.spell.strikes("answer", how):
                    answers = change(message, body, self.rendered)
            self.rendered = message, body
        for answer, parts in answers:
            super().send(answer, parts)
        reach(self.spell, f"{self.asked} sent")
        for step in START_STEPS:
            if self.asked == "render" and self.spell.strikes("start", step):
                AGREED[:] = step.encode().ljust(64)
                os.kill(os.getpid(), signal.SIGKILL)


def die_as_agreed(step: str) -> None:
    if AGREED[:].rstrip() == step.encode():
        os.kill(os.getpid(), signal.SIGKILL)


def render(data: bytes, recipe: Recipe, only: list[str] | None) -> Rendered:
    """As the engine does."""
    reach(Spell.of(data), "render started")
    return imaging.render(data.partition(b"%%")[0], recipe, only)


def _without(message: Message, name: str) -> Message:
    return {key: value for key, value in message.items() if key != name}


Change = Callable[[Message, Parts, tuple[Message, Parts]], list[tuple[Message, Parts]]]
ANSWERS: dict[str, Change] = {  # what may come in place of an answer with a picture
    "twice": lambda message, body, _: [(message, body), (message, body)],
    "the last one": lambda _, __, last: [last],
    "the last one as this one": lambda message, _, last: [({**message, "image": last[0].get("image")}, last[1])],
    "another number": lambda message, body, _: [({**message, "number": message["number"] + 1}, body)],
    "no number": lambda message, body, _: [(_without(message, "number"), body)],
    "no image": lambda message, body, _: [(_without(message, "image"), body)],
    "nothing": lambda message, _, __: [(_without(message, "rendered"), ())],
    "half of it": lambda message, body, _: [(message, body[:1])],
    "another shape": lambda message, body, _: [({**message, "rendered": {"variants": 7}}, body)],
}


if __name__ == "__main__":
    main(render, Hooked)
