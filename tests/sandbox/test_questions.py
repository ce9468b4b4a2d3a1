"""Every answer belongs to its question, whatever a child says, and when: with children of a script."""

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.errors import CorruptImage, RenderCrash, RenderTimeout, SandboxFailed
from processing.sandbox import Image, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget
from processing.sandbox.processes import Children
from processing.sandbox.renderer import MAX_CHILDREN
from tests.builders import BROKEN, fake_render, recipe
from tests.sandbox.scripted import Script, Trouble

RECIPE = recipe()
OWN_DOING = {Trouble.LATE: RenderTimeout, Trouble.DIED: RenderCrash, Trouble.BROKEN: ZeroDivisionError}
ENVIRONMENT_S = tuple(trouble for trouble in Trouble if trouble not in (*OWN_DOING, Trouble.UNREAD))
NO_MISMATCH_YET = (Trouble.TWICE, Trouble.AGAIN)  # its first answer is right


def scripted(troubles: Sequence[Trouble | None]) -> tuple[Script, Renderer]:
    """A renderer whose next questions meet these troubles, and none after them."""
    coming = iter(troubles)
    script = Script(lambda data, _: fake_render(data, RECIPE), lambda: next(coming, None), own_channels=False)
    return script, Renderer(cast(Children, script))


def render(renderer: Renderer, data: bytes) -> object:
    image = Image.of(data)
    return renderer.render(image, megabytes=renderer.estimate(image, seconds=1), seconds=1)


TROUBLES = st.lists(st.none() | st.sampled_from(Trouble), max_size=24)
PICTURES = st.lists(st.sampled_from([b"A", b"B", b"C", b"D", b"A", BROKEN, b""]), min_size=1, max_size=12)


@settings(max_examples=500)
@given(TROUBLES, PICTURES)
def test_a_picture_is_its_own_or_none(troubles: list[Trouble | None], pictures: list[bytes]) -> None:
    script, renderer = scripted(troubles)
    renderers = Renderers([renderer], RECIPE, memory=MemoryBudget(10), budget=TimeBudget(5))

    for data in pictures:
        script.met.clear()
        left_over = bool(script.arriving)
        try:
            made = renderers.render(data, RECIPE)
        except CorruptImage:
            assert data == BROKEN
        except (RenderTimeout, RenderCrash):
            assert data == BROKEN or sum(met in (Trouble.LATE, Trouble.DIED) for met in script.met) == 2
        except ZeroDivisionError:
            assert script.met[-1] is Trouble.BROKEN
        except SandboxFailed:
            assert left_over or any(script.met)
        else:
            assert made == fake_render(data, RECIPE)


@pytest.mark.parametrize("at", [0, 1], ids=["estimate", "render"])
@pytest.mark.parametrize(("trouble", "error"), OWN_DOING.items())
def test_what_ends_badly_during_its_question_is_the_image_s_doing_and_its_child_is_asked_no_more(
    trouble: Trouble, error: type[Exception], at: int
) -> None:
    script, renderer = scripted([None] * at + [trouble])
    child = script.line

    with pytest.raises(error):
        render(renderer, b"A")

    assert child is not None
    assert child.is_closed
    assert script.line is not child


@pytest.mark.parametrize("at", [0, 1], ids=["estimate", "render"])
@pytest.mark.parametrize("trouble", [each for each in ENVIRONMENT_S if each not in NO_MISMATCH_YET])
def test_an_answer_that_does_not_belong_is_nobody_s_fault_and_ends_child_and_keeper(trouble: Trouble, at: int) -> None:
    script, renderer = scripted([None, None, *[None] * at, trouble])
    render(renderer, b"A")
    child = script.line

    with pytest.raises(SandboxFailed):
        render(renderer, b"B")

    assert child is not None
    assert child.is_closed
    script.arriving.clear()
    assert render(renderer, b"B") == fake_render(b"B", RECIPE)


@pytest.mark.parametrize("at", [0, 1], ids=["estimate", "render"])
@pytest.mark.parametrize("times", range(1, MAX_CHILDREN))
def test_a_death_before_the_question_was_read_blames_no_image(times: int, at: int) -> None:
    _, renderer = scripted([None] * at + [Trouble.UNREAD] * times)

    assert render(renderer, b"A") == fake_render(b"A", RECIPE)


def test_children_that_all_die_before_they_are_asked_are_the_environment_s_fault() -> None:
    script, renderer = scripted([Trouble.UNREAD] * MAX_CHILDREN)

    with pytest.raises(SandboxFailed):
        render(renderer, b"A")

    assert len(script.met) == MAX_CHILDREN


@pytest.mark.parametrize("trouble", NO_MISMATCH_YET)
def test_a_second_answer_is_taken_for_no_other_question(trouble: Trouble) -> None:
    _, renderer = scripted([None, trouble])
    assert render(renderer, b"A") == fake_render(b"A", RECIPE)

    with pytest.raises(SandboxFailed):
        render(renderer, b"B")


def test_one_bad_end_after_a_fault_of_the_sandbox_decides_nothing() -> None:
    _, renderer = scripted([None, Trouble.GARBLED, None, Trouble.DIED])
    renderers = Renderers([renderer], RECIPE, memory=MemoryBudget(10), budget=TimeBudget(5))

    with pytest.raises(SandboxFailed):
        renderers.render(b"A", RECIPE)
