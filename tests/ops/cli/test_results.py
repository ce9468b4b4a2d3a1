"""Nothing is overwritten or deleted that Darkroom has not written, and of two runs each has a folder of its own."""

import os
import shutil
from pathlib import Path

import pytest

from ops.cli.results import LOGS, WORK, WRITTEN, Results, UnfitFolderError, is_results, opened
from ops.cli.start.command import MOST_RUNS, _folders
from ops.errors import UsageError

FOLDERS = _folders()
PAGE, VARIANT = "index.html", "phone/2026/cat.jpg"
THEIRS = b"theirs"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def out(tmp_path):
    """Results of an earlier run."""
    folder = tmp_path / "out"
    with opened([folder]) as results:
        for name in (PAGE, VARIANT):
            results.write(name, b"ours")
    return folder


def contents(folder):
    """Every file, and where every link leads, but for what is Darkroom's alone."""
    paths = [path for path in sorted(folder.rglob("*")) if WORK not in path.parts]
    return {str(path): path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes() for path in paths}


def test_a_run_beside_another_writes_to_a_folder_of_its_own(capsys):
    with opened(FOLDERS) as first:
        (first.work / LOGS).mkdir()
        with opened(FOLDERS) as second:
            assert (str(first.folder), str(second.folder)) == ("out", "out-2")
        assert (first.work / LOGS).is_dir()
    assert "another run is writing to out; the results go to out-2" in capsys.readouterr().err


def test_a_run_after_another_writes_to_the_same_folder_without_its_logs(capsys):
    with opened(FOLDERS, [PAGE]) as first:
        (first.work / LOGS).mkdir()
        first.write(PAGE, b"first")
    with opened(FOLDERS, [PAGE]) as second:
        second.write(PAGE, b"second")

        assert str(second.folder) == "out"
        assert Path("out", PAGE).read_bytes() == b"second"
        assert not (second.work / LOGS).exists()
    assert capsys.readouterr().err == ""


def test_a_named_folder_to_which_another_run_writes_is_refused(tmp_path):
    with (
        opened([tmp_path / "here"]),
        pytest.raises(UsageError, match=r"another run is writing to .*here: give another folder with --out"),
        opened([tmp_path / "here"]),
    ):
        pass


def test_when_no_folder_is_free_the_first_one_is_named(tmp_path):
    for number in range(2, MOST_RUNS + 1):
        (tmp_path / f"out-{number}").write_text("a file")

    with opened(FOLDERS), pytest.raises(UsageError, match="another run is writing to out:"), opened(FOLDERS):
        pass


@pytest.mark.parametrize("name", ["cat.jpg", "index.html", "phone/cat.jpg", f"{WORK}/notes.txt", WORK])
def test_a_folder_with_files_of_others_is_refused_and_left_as_it_is(tmp_path, name):
    path = tmp_path / "theirs" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(THEIRS)

    with pytest.raises(UsageError, match=r"theirs has files that Darkroom has not written, such as .*--out"):
        opened([tmp_path / "theirs"]).__enter__()

    assert [each for each in (tmp_path / "theirs").rglob("*") if each.is_file()] == [path]
    assert path.read_bytes() == THEIRS


def test_a_link_in_the_place_of_our_own_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    shutil.copytree(_results_of_a_run(tmp_path / "elsewhere") / WORK, tmp_path / "work")
    (tmp_path / "out" / WORK).symlink_to(tmp_path / "work")

    with pytest.raises(UsageError, match="has files that Darkroom has not written"):
        opened([tmp_path / "out"]).__enter__()


def test_without_a_name_given_the_results_go_beside_what_is_not_ours_and_that_is_said(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cat.jpg").write_bytes(THEIRS)

    with opened(FOLDERS) as results:
        assert str(results.folder) == "out-2"

    assert "out has files that Darkroom has not written, such as cat.jpg; the results go to out-2" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("hidden", [".DS_Store", ".git"])
def test_an_empty_folder_with_what_a_desktop_or_git_hides_is_taken(tmp_path, hidden):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / hidden).write_bytes(THEIRS)

    with opened([tmp_path / "new"], [PAGE]) as results:
        results.write(PAGE, b"ours")

    assert (tmp_path / "new" / hidden).read_bytes() == THEIRS


def edited(path):
    path.write_bytes(b"ours, and a note of theirs")


def replaced_by_one_as_long(path):
    path.write_bytes(b"OURS")
    os.utime(path, (1, 1))


def replaced_by_a_link(path):
    path.unlink()
    path.symlink_to(path.parent / "theirs.html")
    (path.parent / "theirs.html").write_bytes(THEIRS)


def replaced_by_a_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nothing")


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


def below_a_link(path):
    path.parent.rename(path.parent.with_name("theirs"))
    path.parent.symlink_to(path.parent.with_name("theirs"))


def below_a_file(path):
    shutil.rmtree(path.parent)
    path.parent.write_bytes(THEIRS)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (edited, PAGE),
        (replaced_by_one_as_long, PAGE),
        (replaced_by_a_link, PAGE),
        (replaced_by_a_link_to_nothing, PAGE),
        (replaced_by_a_folder, PAGE),
        (edited, VARIANT),
        (below_a_link, VARIANT),
        (below_a_file, VARIANT),
    ],
)
def test_what_somebody_has_put_in_the_way_is_named_before_any_work_and_left_as_it_is(out, change, name):
    change(out / name)
    before = contents(out)

    with pytest.raises(UsageError, match=r"was not written by Darkroom, or was changed since: give another folder"):
        opened([out], [PAGE, VARIANT]).__enter__()

    assert contents(out) == before


def test_files_of_others_under_other_names_stay(out):
    (out / "phone" / "theirs.jpg").write_bytes(THEIRS)

    with opened([out], [PAGE, VARIANT]) as results:
        results.write(VARIANT, b"ours again")

    assert (out / "phone" / "theirs.jpg").read_bytes() == THEIRS
    assert (out / VARIANT).read_bytes() == b"ours again"


def test_a_file_that_appears_in_the_middle_of_a_run_is_not_overwritten(out):
    with opened([out], [PAGE, "phone/late.jpg"]) as results:
        (out / "phone" / "late.jpg").write_bytes(THEIRS)
        with pytest.raises(UsageError, match=r"late\.jpg was not written by Darkroom"):
            results.write("phone/late.jpg", b"ours")

    assert (out / "phone" / "late.jpg").read_bytes() == THEIRS


def test_all_that_is_in_the_way_is_counted(out):
    with opened([out]) as results:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            (out / name).write_bytes(THEIRS)

        with pytest.raises(UnfitFolderError, match=r"b\.jpg \(and 1 more\) was not written"):
            results.check(["b.jpg", PAGE, "c.jpg", "b.jpg"])


def test_a_file_that_a_killed_run_left_half_written_is_ours(out):
    with (out / WORK / WRITTEN).open("a") as written:
        written.write(f'["{PAGE}", null]\n["torn')
    (out / PAGE).write_bytes(b"ou")

    with opened([out], [PAGE, VARIANT]) as results:
        results.write(PAGE, b"ours")

    with opened([out], [PAGE, VARIANT]):
        assert (out / PAGE).read_bytes() == b"ours"


def test_a_hard_link_that_somebody_made_keeps_its_content(out, tmp_path):
    (tmp_path / "kept.jpg").hardlink_to(out / VARIANT)

    with opened([out], [VARIANT]) as results:
        results.write(VARIANT, b"ours again")

    assert (tmp_path / "kept.jpg").read_bytes() == b"ours"


def test_a_file_that_was_removed_may_be_put_there_by_somebody_else(out):
    (out / PAGE).unlink()
    with opened([out]):
        pass
    (out / PAGE).write_bytes(b"ours")

    with pytest.raises(UsageError, match=r"index\.html was not written by Darkroom"):
        opened([out], [PAGE]).__enter__()


@pytest.mark.parametrize("name", ["../a.jpg", "phone/../../a.jpg", "/etc/a.jpg"])
def test_no_name_leads_out_of_the_folder(out, name):
    with opened([out]) as results, pytest.raises(ValueError, match="leads out of"):
        results.write(name, b"ours")

    assert not (out.parent / "a.jpg").exists()


def test_results_are_known_by_their_list(out, tmp_path):
    (tmp_path / "other").mkdir()

    assert is_results(out)
    assert not is_results(tmp_path / "other")


def _results_of_a_run(folder):
    with opened([folder]) as results:
        assert isinstance(results, Results)
    return folder
