"""A folder of any files is rendered and counted by outcome and reason."""

import json
import shutil
from pathlib import Path

from bench import folder
from tests.corpus import sample

SAMPLES = Path(__file__).parents[2] / "samples"


def test_every_file_of_a_folder_gets_its_outcome(tmp_path, capsys):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.jpg").write_bytes(sample("jpeg-baseline").data)
    (tmp_path / "b.txt").write_text("no image at all")
    shutil.copy(SAMPLES / "truncated.jpg", tmp_path)

    exit_code = folder.main([str(tmp_path), "--json"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert exit_code == 0
    assert {Path(line["path"]).name: line["outcome"] for line in lines} == {
        "a.jpg": "rendered",
        "b.txt": "UnsupportedFormat",
        "truncated.jpg": "CorruptImage",
    }
    assert all(line["seconds"] > 0 and line["megabytes"] > 0 for line in lines)


def test_reasons_that_differ_in_numbers_alone_count_as_one():
    results = [folder.Outcome("a", 1, 1, "CorruptImage", f"jpeg: {number:,} bytes missing") for number in (3, 4_000)]

    assert folder.by_reason(results) == {("CorruptImage", "jpeg: N bytes missing"): 2}


def test_a_bug_fails_the_command(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").write_bytes(b"a")
    monkeypatch.setattr(folder, "outcomes", lambda paths, recipe: [folder.Outcome("a", 1, 1, "a bug", "KeyError")])

    assert folder.main([str(tmp_path)]) == 1
    assert "a bug" in capsys.readouterr().out
