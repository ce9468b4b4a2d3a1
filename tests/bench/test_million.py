"""However many objects there are, as many are held at once, and each takes as many requests: counted over doubles."""

import threading
from pathlib import Path
from typing import Any

import pytest

from bench.million.__main__ import CASES, row
from bench.million.doubles import PAGE, GeneratedStage, LiveText
from bench.million.measure import measure, run
from ops.cli.recipes import read_recipe

FEW, MANY = 2000, 6000


def measured(case: str, count: int, folder: Path) -> dict[str, Any]:
    """The figures of a command; ``most`` is of its own keys or bodies."""
    folder.mkdir()
    before = LiveText.most = LiveText.live()
    found = measure([each.replace("FOLDER", str(folder)) for each in CASES[case]], count, folder)
    return found | {"most": LiveText.most - before}


@pytest.mark.parametrize(
    ("case", "most"),
    [
        ("backfill", 2 * PAGE),
        ("backfill of an inventory", 0),
        ("backfill --missing", 2 * PAGE),
        ("audit", 4 * 2 * PAGE),  # the uploads and three variants
    ],
)
def test_no_more_than_two_pages_of_a_listing_are_held_and_requests_grow_as_the_objects(
    case: str, most: int, tmp_path: Path
) -> None:
    few, many = (measured(case, count, tmp_path / str(count)) for count in (FEW, MANY))

    assert many["most"] <= most
    assert few["requests"].keys() == many["requests"].keys()
    for name, requests in few["requests"].items():
        assert many["requests"][name] <= MANY // FEW * requests + 1


def test_a_redrive_of_all_holds_one_part_of_the_queue_and_sends_every_message_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.cli.dlq.redrive.PART", 500)
    found = measured("dlq redrive --all", MANY, tmp_path / "stage")

    assert found["most"] <= 500 + 2 * 8 * 10  # eight readers finish the requests that they have begun
    assert (found["sent"], found["twice"], found["left"]) == (MANY, 0, 0)
    assert f"{MANY:,} of {MANY:,} sent: done" in found["stdout"]


def test_a_redrive_of_more_messages_than_sqs_gives_at_a_time_sends_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.million.doubles.IN_FLIGHT", 1000)
    monkeypatch.setattr("ops.cli.dlq.redrive.PART", 500)
    found = measured("dlq redrive --all", 3000, tmp_path / "stage")

    assert (found["sent"], found["left"], found["exit_code"]) == (3000, 0, 0)
    assert "ONLY A PART" not in found["stderr"]


def test_the_findings_of_every_thousand_objects_are_six(tmp_path: Path) -> None:
    code, _, said = run(GeneratedStage(FEW, read_recipe(), tmp_path), ["audit"])

    assert code == 1
    assert "12 found (2 no record, 2 not done, 2 missing variant, 6 orphaned variant)" in said


def test_a_row_has_microseconds_of_the_objects_that_were_seen() -> None:
    found = {"cpu": 12.0, "seen": 120_000, "seconds": 30.5, "peak_mb": 360.4, "most": 120_000, "requests": {"a": 9}}

    assert row("dlq list", 1_000_000, found) == [
        *("dlq list", "1,000,000", "12", "100", "30", "360", "120,000", "9"),
    ]


def test_a_text_that_goes_while_another_is_made_is_counted_without_a_wait():
    """As by the garbage collection, which may begin anywhere."""
    going, before = [LiveText("a")], LiveText.live()

    class Going(LiveText):
        @classmethod
        def live(cls):
            going.clear()
            return super().live()

    made = list[LiveText]()
    thread = threading.Thread(target=lambda: made.append(Going("b")), daemon=True)
    thread.start()
    thread.join(10)

    assert (made, LiveText.live()) == (["b"], before - 1)
