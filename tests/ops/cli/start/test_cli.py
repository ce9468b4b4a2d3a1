"""The command line itself: one line for what cannot be done, an exit code for how it ended, no process left behind."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from botocore.exceptions import EndpointConnectionError

from ops.cli import main as cli
from ops.cli.interruption import SIGNALS
from ops.errors import StackError, UsageError
from tests.ops.cli.embedded import wait_until

ROOT = Path(__file__).parents[4]


def darkroom(*arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "ops", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes():
    """The parent of every process that has not ended."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return {int(pid): int(parent) for pid, parent, status in rows if not status.startswith("Z")}


def descendants(pid):
    found, parents = {pid}, processes()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _folder: None, "does not exist: give a folder of photos"),
        (lambda folder: folder.mkdir(), "is empty: put photos into it"),
        (lambda folder: folder.write_text("a file"), "is not a folder"),
        (lambda folder: folder.symlink_to(folder), "cannot be read"),
        (lambda folder: (folder.mkdir(), (folder / "notes.txt").touch()), "none of them is an image"),
    ],
)
def test_a_folder_of_no_use_is_one_line_and_exit_code_2(tmp_path, make, words):
    make(tmp_path / "given")
    process = darkroom("start", "given", cwd=tmp_path)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("darkroom: ")
    assert words in err
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_one_line_and_exit_code_2(tmp_path, photos):
    process = darkroom("start", photos, "--out", photos / "a.jpg", cwd=tmp_path)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert err.count("\n") == 1
    assert "cannot be written to" in err


@pytest.mark.parametrize("out", ["photos", "theirs"])
def test_a_folder_of_somebodys_files_is_refused_before_any_work(tmp_path, photos, out):
    page = tmp_path / "theirs" / "index.html"
    page.parent.mkdir()
    page.write_text("theirs")
    process = darkroom("start", photos, "--out", out, cwd=tmp_path)
    words, err = process.communicate(timeout=30)

    assert (process.returncode, words) == (2, "")
    assert err.count("\n") == 1
    assert f"darkroom: {out} has files that Darkroom has not written, such as " in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.jpg", "index.html", "photos", "theirs"]
    assert page.read_text() == "theirs"


def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path, photos):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = darkroom("start", photos, "--port", port, cwd=tmp_path)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 2
    assert f"darkroom: port {port} is taken" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("number", SIGNALS)
def test_ctrl_c_ends_everything_with_one_line(tmp_path, photos, number):
    process = darkroom("start", photos, cwd=tmp_path)
    log = tmp_path / "out" / ".darkroom" / "logs" / "serverless.log"
    end = time.monotonic() + 60
    while not log.exists():  # the emulator runs, and node packages the service
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    started = descendants(process.pid)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err.splitlines()[-1] == "darkroom: interrupted; nothing is left running"
    assert "Traceback" not in err
    assert len(started) >= 2  # the emulator and node
    wait_until(lambda: started & processes().keys() == set())  # what was killed ends when the machine comes to it


def test_without_a_subcommand_the_help_is_shown():
    process = darkroom(cwd=ROOT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "Usage: darkroom" in out + err
    assert "start" in out + err


@pytest.mark.parametrize("error", [UsageError("give another"), StackError("give another")])
def test_what_stops_a_command_is_told_in_its_words(error, capsys, monkeypatch):
    def stopped() -> None:
        raise error

    monkeypatch.setattr(cli, "show", stopped)
    with pytest.raises(SystemExit) as ended:
        cli.make_app()(["stopped"])

    assert ended.value.code == 2
    assert capsys.readouterr().err == "darkroom: give another\n"


def test_an_endpoint_that_does_not_answer_is_one_line(capsys, monkeypatch):
    def unheard() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")

    monkeypatch.setattr(cli, "show", unheard)
    with pytest.raises(SystemExit) as ended:
        cli.make_app()(["unheard"])

    assert ended.value.code == 1
    assert capsys.readouterr().err.endswith('endpoint URL: "http://127.0.0.1:9/"\n')


def test_a_bug_is_not_hidden(monkeypatch):
    def broken() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(cli, "show", broken)
    with pytest.raises(KeyError, match="a bug"):
        cli.make_app()(["broken"])


def test_a_long_line_is_not_broken_and_its_brackets_are_no_markup(capsys):
    with pytest.raises(typer.Exit):
        cli._fail(f"[red]{'x' * 300}[/red]", 2)

    assert capsys.readouterr().err == f"darkroom: [red]{'x' * 300}[/red]\n"
