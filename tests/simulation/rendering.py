"""Rendering on a virtual clock: the real `Renderers`, their protocol and admission; a scripted child lets time pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from processing.imaging import Rendered
from processing.recipe import Recipe
from processing.sandbox import MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget
from tests.builders import fake_render
from tests.sandbox.scripted import Script, Trouble

ROOM = 700.0  # megabytes for rendering in all; an image promises to take `scripted.ESTIMATE` of them


@dataclass(frozen=True)
class Weight:
    """What an image takes: the seconds of a try, and whether more memory than it promised, as it gets only alone."""

    seconds: float = 0.0
    outgrows: bool = False


def renderers_of(
    recipe: Recipe,
    budget: TimeBudget,
    clock: Callable[[], float],
    *,
    weigh: Callable[[bytes], Weight],
    wait: Callable[[float], None],
    trouble: Callable[[], Trouble | None] = lambda: None,
) -> Renderers:
    """One renderer, as a function of one vCPU has it; its child renders as `fake_render` does.

    Args:
        weigh: what an image takes.
        wait: lets so many seconds pass.
        trouble: what becomes of the next question, if it is not just answered.
    """

    def render(data: bytes, question: Mapping[str, Any]) -> Rendered:
        weight = weigh(data)
        wait(min(weight.seconds, question["seconds"]))
        if weight.seconds > question["seconds"]:
            raise TimeoutError
        if weight.outgrows and question["megabytes"] < ROOM:
            raise MemoryError
        return fake_render(data, recipe.in_jpeg() if question["in_jpeg"] else recipe, question["only"])

    script = Script(render, trouble, own_channels=True)
    return Renderers([Renderer(cast(Any, script))], recipe, memory=MemoryBudget(ROOM), budget=budget, clock=clock)
