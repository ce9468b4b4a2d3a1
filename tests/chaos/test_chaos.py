"""A short chaos run: after kills, outages and lost answers, all that is left and all events agree with the uploads."""

from pathlib import Path

from tests.chaos.kills import KINDS
from tests.chaos.run import Chaos
from tests.chaos.troubles import BUS, DECK


def test_after_a_bad_day_all_agrees_object_by_object(tmp_path: Path) -> None:
    chaos = Chaos(images=60, seed=3, work_dir=tmp_path, progress=print)

    result = chaos.run()

    assert result.disagreements == []
    assert result.statuses["DONE"] >= 45
    assert result.statuses["REJECTED"] == 3
    assert all(result.injected[kind] >= 3 for kind in KINDS)
    assert all(result.injected[f"{BUS}: {trouble}"] for trouble in DECK)
    assert result.compared >= 3 * 45
    assert {fault.partition(":")[0] for fault in result.injected} == {*KINDS, "s3", "dynamodb", "sqs", BUS}
    assert result.announced.ends["Image Ready"] >= 45
    assert result.announced.ends["Image Rejected"] >= 3
    assert result.announced.repeats > 0
