"""The small version of the run: twenty originals of somebody's bucket, whole, by EventBridge and a backfill."""

from pathlib import Path

from tests.existing.run import Existing


def test_a_bucket_that_somebody_has_is_taken_in_whole(tmp_path: Path) -> None:
    result = Existing(originals=20, work_dir=tmp_path, progress=lambda _line: None).run()

    assert result.faults == []
    assert (result.arrived, result.sent, result.removed, result.dead) == (2, 22, 2, 0)
    assert result.variants == 3 * 20
