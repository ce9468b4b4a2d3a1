"""The engine in the consumer's own process: one image at a time, none that cannot fit, within the invocation's time."""

import threading
from collections.abc import Collection

import pytest

from processing import imaging
from processing.errors import CorruptImage, ImageTooLarge, NotStarted
from processing.picture import Rendered
from processing.recipe import Recipe
from processing.sandbox import MemoryBudget
from processing.sandbox.capacity import TimeBudget
from processing.sandbox.in_process import InProcess
from tests.sandbox.conftest import picture


def engine(megabytes: float = 400, budget: TimeBudget | None = None) -> InProcess:
    return InProcess(memory=MemoryBudget(megabytes), budget=budget or TimeBudget(20))


@pytest.mark.parametrize("only", [None, ["phone"]])
def test_it_makes_what_the_engine_makes_and_measures_it(recipe: Recipe, only: list[str] | None) -> None:
    made = engine().render(picture(), recipe, only)

    assert made == imaging.render(picture(), recipe, only)
    assert made.milliseconds is not None


def test_an_image_that_does_not_fit_is_refused_by_its_header_before_it_is_decoded(recipe: Recipe) -> None:
    header_only = picture(size=(4000, 4000), kind="PNG")[:2000]

    with pytest.raises(
        ImageTooLarge, match=r"takes up to \d+ MB; the limit is 50 MB, of the function's own \(the parameter memory\)"
    ):
        engine(50).render(header_only, recipe)
    with pytest.raises(CorruptImage):
        engine(400).render(header_only, recipe)


def test_nothing_begins_without_time_for_a_try(recipe: Recipe) -> None:
    budget = TimeBudget(20)
    budget.begin(lambda: 40.0)

    with pytest.raises(NotStarted):
        engine(budget=budget).render(picture(), recipe)


def test_one_image_is_rendered_at_a_time(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    rendering, most, original = [0], [0], imaging.render
    other_may_begin = threading.Event()

    def render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        rendering[0] += 1
        most[0] = max(most[0], rendering[0])
        other_may_begin.wait(0.2)
        made = original(data, recipe, only)
        rendering[0] -= 1
        return made

    monkeypatch.setattr(imaging, "render", render)
    renders = engine()
    threads = [threading.Thread(target=renders.render, args=(picture(), recipe)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]
