"""Refusals and kills lose no event; without either of two rules they do."""

from typing import Any

import pytest

from processing import outbox
from processing.outbox import EventBus, NotTaken
from tests.events.__main__ import main
from tests.events.rehearsal import Rehearsal


def test_five_hundred_images_lose_no_event_to_refusals_and_kills() -> None:
    tally = Rehearsal(500, seed=1).run()

    assert tally.judgment.faults == []
    assert all(
        tally.injected[what] > 2 for what in ("entries refused", "killed before a request", "killed after a request")
    )
    assert tally.judgment.ends.total() > 500
    assert len(tally.judgment.ends) == 5
    assert tally.judgment.repeats > 0  # at least once, and some more often


def test_without_faults_each_end_is_one_event() -> None:
    tally = Rehearsal(300, seed=2, refusals=0, kills=0).run()

    assert tally.judgment.faults == []
    assert tally.judgment.events == tally.judgment.ends.total()


def test_a_refusal_that_is_overlooked_loses_events(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(bus: Any, entries: Any) -> None:
        try:
            real(bus, entries)
        except NotTaken:
            return  # as if the answer's entries were not looked at

    real = EventBus.put
    monkeypatch.setattr(EventBus, "put", put)

    assert Rehearsal(500, seed=1).run().judgment.lost


def test_an_id_that_is_drawn_anew_cannot_be_deduplicated(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(range(1_000_000))
    monkeypatch.setattr(outbox, "_id", lambda *_: str(next(drawn)))

    assert Rehearsal(200, seed=1).run().judgment.unknown


def test_the_command_runs_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", "30", "--runs", "2"]) == 0
    assert "ends without an event" in capsys.readouterr().out
