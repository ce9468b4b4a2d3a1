"""darkroom local on the command line: one line for what cannot be, a page until Ctrl-C, and nothing left after it."""

import re
import signal
import socket
import subprocess
import urllib.request

import pytest

from tests.ops.cli.start.test_cli import darkroom, descendants, processes

STARTED = re.compile(r"The page: +(http://127\.0\.0\.1:\d+)")


@pytest.fixture
def processes_of_ours():
    """Commands that a test started; whatever it thinks of them, they end with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = darkroom("local", "--port", taken.getsockname()[1], cwd=tmp_path)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, "")
    assert re.fullmatch(r"darkroom: port \d+ is taken by another program: name another one with --port.*\n", err)


def test_ctrl_c_ends_the_page_and_everything_behind_it(tmp_path, processes_of_ours):
    process = darkroom("local", "--port", 0, cwd=tmp_path)
    processes_of_ours.append(process)
    said: list[str] = []
    while not (found := STARTED.search(said[-1] if said else "")):
        said.append(process.stderr.readline())
        assert said[-1], f"it ended instead: {said}"
    for line in (process.stderr.readline(), process.stderr.readline()):
        assert re.search("API key: [0-9a-f]{40}$", line) or "Ctrl-C ends everything" in line
    with urllib.request.urlopen(found[1], timeout=60) as answer:
        assert b"<title>Darkroom</title>" in answer.read()
    running = descendants(process.pid)
    assert len(running) >= 2  # the emulator, and the API's environment

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert err == "ended; nothing is left running\n"
    assert running & processes().keys() == set()
    assert list(tmp_path.iterdir()) == []
