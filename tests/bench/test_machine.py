"""What was measured on is named so that another machine of the same kind can be found."""

import os
import subprocess
from pathlib import Path

from bench.machine import commit, machine, processor

GIT = os.environ | {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a",
}


def test_a_processor_has_the_numbers_that_tell_generations_of_one_name_apart() -> None:
    about = "cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n"

    assert processor(about) == "AMD EPYC family 25 model 17"
    assert processor("nothing") != ""


def test_a_commit_has_a_plus_where_files_were_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "core.hooksPath=", *arguments], cwd=tmp_path, env=GIT, check=True, capture_output=True
        )

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    before = commit(tmp_path)
    (tmp_path / "file").write_text("two")

    assert commit(tmp_path) == f"{before}+"
    assert len(before) >= 7


def test_versions_beside_the_usual_ones_can_be_given() -> None:
    assert machine({"sharp": "1.2.3"})["versions"]["sharp"] == "1.2.3"
