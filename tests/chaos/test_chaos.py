"""A short chaos run: after kills, outages and lost answers, ledger, buckets and dead letters agree with the uploads."""

from pathlib import Path

from tests.chaos.kills import KILL, RENDERER_KILL
from tests.chaos.run import Chaos


def test_after_a_bad_day_all_agrees_object_by_object(tmp_path: Path) -> None:
    chaos = Chaos(images=60, seed=3, work_dir=tmp_path, progress=print)

    result = chaos.run()

    assert result.disagreements == []
    assert result.statuses["DONE"] >= 45
    assert result.statuses["REJECTED"] == 3
    assert result.injected[KILL] >= 3
    assert result.injected[RENDERER_KILL] >= 3
    assert result.compared >= 3 * 45
    assert {fault.partition(":")[0] for fault in result.injected} == {KILL, RENDERER_KILL, "s3", "dynamodb", "sqs"}
