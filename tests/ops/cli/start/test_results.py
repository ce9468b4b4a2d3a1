"""Two runs of darkroom start in one folder write to two folders of results."""

import pytest

from ops.cli.start.command import MOST_RUNS, WORK, _results
from ops.errors import UsageError


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_beside_another_writes_to_a_folder_of_its_own():
    with _results(None) as first:
        (first / WORK / "logs").mkdir()
        with _results(None) as second:
            assert (str(first), str(second)) == ("out", "out-2")
        assert (first / WORK / "logs").is_dir()


def test_a_run_after_another_writes_to_the_same_folder_without_its_logs():
    with _results(None) as first:
        (first / WORK / "logs").mkdir()
    with _results(None) as second:
        assert str(second) == "out"
        assert list((second / WORK).iterdir()) == []


def test_a_named_folder_to_which_another_run_writes_is_refused(tmp_path):
    with (
        _results(tmp_path / "here"),
        pytest.raises(UsageError, match=r"another run is writing to .*here: give another folder with --out"),
        _results(tmp_path / "here"),
    ):
        pass


def test_more_runs_than_anybody_makes_are_refused(tmp_path):
    for number in range(2, MOST_RUNS + 1):
        (tmp_path / f"out-{number}").write_text("a file")

    with _results(None), pytest.raises(UsageError, match="out-2 cannot be written to"), _results(None):
        pass
