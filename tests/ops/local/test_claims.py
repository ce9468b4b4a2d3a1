"""A folder has one writer at a time, and a writer that was killed holds it no longer."""

import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.local.claims import InUseError, claimed
from ops.local.emulator import PROJECT

LOCKS = Path("/proc/locks")
HOLD = """
import pathlib, sys, threading
from ops.local.claims import claimed
with claimed(pathlib.Path(sys.argv[1])):
    print("claimed", flush=True)
    threading.Event().wait()
"""


def test_a_folder_has_one_writer_at_a_time_and_nothing_is_left_in_it(tmp_path):
    with claimed(tmp_path), pytest.raises(InUseError), claimed(tmp_path):
        pass
    with claimed(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_writer_that_was_killed_holds_nothing(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=PROJECT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(InUseError), claimed(tmp_path):
            pass
        writer.send_signal(signal.SIGKILL)

    with claimed(tmp_path):
        pass


def until_it_waits(folder, waiting):
    """Until a thread or process waits for the folder, or has ended without."""
    while not (waiting.done() or re.search(rf"-> FLOCK .*:{folder.stat().st_ino} ", LOCKS.read_text())):
        time.sleep(0.01)


def test_who_waits_for_a_folder_has_it_once_it_is_let_go_of(tmp_path):
    order = []

    def wait():
        with claimed(tmp_path, wait=True):
            order.append("second")

    with ThreadPoolExecutor(1) as threads:
        with claimed(tmp_path):
            waiting = threads.submit(wait)
            until_it_waits(tmp_path, waiting)
            order.append("first")
        waiting.result()

    assert order == ["first", "second"]
