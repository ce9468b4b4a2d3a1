"""The list of what each function does: as it was played, with nothing missing and nothing that is never done."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import pytest

from tests.moto_server import serving
from tests.service.access import recorder
from tests.service.access.needs import NEEDS, needs_of
from tests.service.access.plays import ELSEWHERE, PLAYS, Scene
from tests.service.access.sites import ANY, sites, unknown_receivers

EVERYTHING = frozenset({"removals", "events", "erasure", "cdn"})
LEAST = {"EraserRole": frozenset({"erasure"}), "AnnouncerRole": frozenset({"events"})}
RUNS = {"TaskRole": {"TaskRole", "ConsumerRole"}}  # the task is the consumer with a queue of its own
CASES = [(role, switches) for role in PLAYS for switches in (LEAST.get(role, frozenset[str]()), EVERYTHING)]


Played = Callable[[str, frozenset[str]], Sequence[recorder.Call]]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """What is seen when a function is played on a stage with some switches; each is played once."""
    log = logging.getLogger("darkroom")
    before = (log.handlers, log.propagate, log.level)
    with serving() as server:

        @cache
        def play(role: str, switches: frozenset[str]) -> Sequence[recorder.Call]:
            since = len(recorder.calls)
            with pytest.MonkeyPatch.context() as patch:
                (PLAYS | ELSEWHERE)[role](Scene(server, patch, locks=role == "EraserRole"), switches)
            return recorder.calls[since:]

        yield play
    log.handlers, log.propagate, log.level = before


def title(each: object) -> str:
    return each if isinstance(each, str) else "all" if each == EVERYTHING else "least"


@pytest.mark.parametrize(("role", "switches"), CASES, ids=title)
def test_a_function_does_what_is_listed_and_nothing_else(played: Played, role: str, switches: frozenset[str]) -> None:
    calls = played(role, switches)

    done = {need for call in calls if call.role in RUNS.get(role, {role}) for need in call.needs}
    assert done == needs_of(role, switches)


def test_the_plays_reach_every_call_of_a_client_in_the_code(played: Played) -> None:
    calls = [call for role in (*PLAYS, *ELSEWHERE) for call in played(role, EVERYTHING)]
    reached = {(*call.site[:2], operation) for call in calls for operation in (call.site[2], ANY)}

    found = sites()
    assert unknown_receivers() == set()
    assert len(found) > 25
    assert found - reached == set()


def test_every_role_that_is_listed_is_played() -> None:
    assert NEEDS.keys() == PLAYS.keys()
