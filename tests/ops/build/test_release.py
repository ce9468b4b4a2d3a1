"""A release is one commit and one tag, made of what the clone has, or nothing at all."""

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from ops.build.release import CHANGELOG, LOCK, MANIFEST, main, release, with_version
from ops.errors import UsageError

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 26)
NOTES = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A # sign, and more.\n\n## 0.9.0 - 2026-01-02\n\n- The first.\n"
SECTION = "### Added\n\n- A # sign, and more.\n"


class Clone:
    """A repository of its own, with the files that a release changes."""

    def __init__(self, folder, monkeypatch):
        self.root = folder
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
            monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.com")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")  # a user's may ask for signatures
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
        self.git("init", "--quiet")
        versions = {"version": "0.9.0", "packages": {"": {"version": "0.9.0"}, "node_modules/a": {"version": "0.9.0"}}}
        (folder / MANIFEST).write_text(json.dumps({"name": "darkroom", "version": "0.9.0"}))
        (folder / LOCK).write_text(json.dumps(versions))
        (folder / CHANGELOG).write_text(NOTES)
        self.commit("Begin")

    def git(self, *arguments):
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout

    def commit(self, subject):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)

    def state(self):
        return self.git("status", "--porcelain"), self.git("log", "--format=%s"), self.git("tag", "--list")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    return Clone(tmp_path, monkeypatch)


def test_a_release_writes_version_and_section_and_tags_one_commit(clone):
    release(clone.root, "1.0.0", today=TODAY)

    lock = json.loads((clone.root / LOCK).read_text())
    assert json.loads((clone.root / MANIFEST).read_text())["version"] == "1.0.0"
    assert [lock["version"], *(each["version"] for each in lock["packages"].values())] == ["1.0.0", "1.0.0", "0.9.0"]
    assert "## Unreleased\n\n## 1.0.0 - 2026-11-26\n\n### Added" in (clone.root / CHANGELOG).read_text()
    assert clone.state() == ("", "Release 1.0.0\nBegin\n", "v1.0.0\n")
    assert (
        clone.git("tag", "--list", "--format=%(contents)", "v1.0.0").strip() == f"Darkroom 1.0.0\n\n{SECTION}".strip()
    )
    assert clone.git("rev-parse", "v1.0.0^{commit}") == clone.git("rev-parse", "HEAD")


def test_the_version_that_is_prepared_can_be_released(clone):
    for name in (MANIFEST, LOCK):
        (clone.root / name).write_text(with_version((clone.root / name).read_text(), "1.0.0"))
    clone.commit("Prepare 1.0.0")

    release(clone.root, "1.0.0", today=TODAY)

    assert clone.state() == ("", "Release 1.0.0\nPrepare 1.0.0\nBegin\n", "v1.0.0\n")


def test_a_dry_run_prints_the_section_and_changes_nothing(clone, capsys):
    before = clone.state()

    code = main(["1.0.0", "--dry-run"], clone.root)

    assert (code, capsys.readouterr().out) == (0, SECTION)
    assert clone.state() == before


def unreleased_nothing(clone):
    (clone.root / CHANGELOG).write_text(NOTES.replace(SECTION, ""))
    clone.commit("Empty it")


def uncommitted(clone):
    (clone.root / "notes.txt").write_text("x")


def released(clone):
    clone.git("tag", "v1.0.0")


@pytest.mark.parametrize(
    ("version", "spoil", "reason"),
    [
        ("1.0", None, "no version"),
        ("v1.0.0", None, "no version"),
        ("0.8.9", None, "before 0.9.0"),
        ("1.0.0", uncommitted, "uncommitted changes"),
        ("1.0.0", released, "already released"),
        ("1.0.0", unreleased_nothing, "nothing under Unreleased"),
    ],
    ids=["short", "with a letter", "earlier", "uncommitted", "released", "nothing to say"],
)
def test_what_cannot_be_released_changes_nothing(clone, version, spoil, reason):
    if spoil:
        spoil(clone)
    before = clone.state()

    with pytest.raises(UsageError, match=reason):
        release(clone.root, version, today=TODAY)

    assert clone.state() == before


def test_a_fault_is_one_line_and_exit_code_2(clone, capsys):
    assert main(["1.0"], clone.root) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", [MANIFEST, LOCK])
def test_a_new_version_changes_nothing_else_of_the_manifests(name):
    text = (ROOT / name).read_text(encoding="utf-8")

    assert with_version(text, json.loads(text)["version"]) == text
