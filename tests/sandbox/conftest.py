"""Renderers whose engine can be told to misbehave."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.recipe import Recipe, load
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget

HOSTILE = "tests.sandbox.hostile"
SECONDS = 1.5  # of one try at what hangs
AMPLE = 30.0  # of one at what does not, on a machine that is busy
MEGABYTES = 400.0

Make = Callable[..., Renderers]


def picture(
    color: Any = "teal", *, size: tuple[int, int] = (320, 240), mode: str = "RGB", kind: str = "JPEG", **options: Any
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, kind, **options)
    return out.getvalue()


def animation(kind: str, *, frames: int, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    first, *rest = [Image.new("RGB", size, (5 * number, 90, 120)) for number in range(frames)]
    first.save(out, kind, save_all=True, append_images=rest, duration=100)
    return out.getvalue()


def spelled(spell: str) -> bytes:
    """A picture that has the hostile engine do something before it is rendered."""
    return picture() + b"%%" + spell.encode()


def family(renderer: Renderer) -> list[int]:
    """The keeper's process id, and its renderer's."""
    assert isinstance(renderer.children, Children)
    keeper = renderer.children.pid
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text(encoding="ascii").split()
    return [keeper, *map(int, children)]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load((Path(__file__).parents[2] / "recipe.toml").read_text(encoding="utf-8"))


@pytest.fixture
def make(recipe: Recipe) -> Iterator[Make]:
    """Makes renderers, and ends them after the test."""
    made: list[Renderers] = []

    def start(
        number: int = 1, *, megabytes: float = MEGABYTES, seconds: float = AMPLE, budget: TimeBudget | None = None
    ) -> Renderers:
        children = [Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE)) for _ in range(number)]
        within = budget or TimeBudget(seconds)
        made.append(Renderers(children, recipe, memory=MemoryBudget(megabytes), budget=within))
        return made[-1]

    yield start
    for renderers in made:
        renderers.close()
