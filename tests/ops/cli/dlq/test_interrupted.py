"""A dlq command that is ended by a signal puts back what it has not sent or deleted, and its history is true."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from contextlib import contextmanager

import pytest

from ops.cli.interruption import SIGNALS
from ops.cli.main import INTERRUPTED
from tests.ops.cli.signals import signal_at

MESSAGES = 60
READERS = ["groups"], ["list"], ["export"], ["redrive", "--all"], ["purge", "--all"]


@pytest.fixture
def place(place, monkeypatch):
    """The stage, whose commands share the clients of the tests."""
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: place.stage)
    return place


def interrupted(place, number, operation, *command, after=0):
    """Run a command, and end it by a signal at a request to SQS; what was requested from then on."""
    with signal_at(number, place.sqs, operation, after=after) as requested:
        result = place.run(*command)
    assert result.exit_code == INTERRUPTED, (result.output, result.exception)
    assert "interrupted; nothing is left running" in result.stderr
    return requested


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_ended_while_it_reads_a_command_puts_every_message_back(place, number, command):
    place.bury_many([f"message {each}" for each in range(MESSAGES)])

    interrupted(place, number, "ReceiveMessage", *command, after=2)

    assert place.dead_messages == (MESSAGES, 0)
    assert place.json("history") == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_while_it_sends_a_redrive_puts_the_others_back_and_its_history_says_so(place, number):
    place.bury_many([f"message {each}" for each in range(MESSAGES)])

    requested = interrupted(
        place, number, "SendMessageBatch", "redrive", "--all", "--rate", "40", after=1
    )  # in steps of ten, a quarter of a second apart

    (entry,) = place.json("history")
    assert (entry["result"], entry["sent"]) == ("interrupted", place.queued)
    assert 0 < place.queued < MESSAGES
    assert place.dead_messages == (MESSAGES - place.queued, 0)
    assert "ChangeMessageVisibilityBatch" in requested


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_while_it_deletes_a_purge_puts_the_others_back_and_its_history_says_so(place, number, tmp_path):
    place.bury_many([f"message {each}" for each in range(MESSAGES)])
    out = tmp_path / "kept.jsonl"

    interrupted(
        place, number, "DeleteMessageBatch", "purge", "--all", "--yes", str(MESSAGES), "--out", str(out), after=1
    )

    (entry,) = place.json("history")
    left, hidden = place.dead_messages
    assert (entry["result"], entry["sent"], hidden) == ("interrupted", MESSAGES - left, 0)
    assert entry["sent"] >= 10
    assert len(out.read_text().splitlines()) == MESSAGES


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_while_it_sends_the_history_of_an_import_is_true(place, number, tmp_path):
    place.bury_many([f"message {each}" for each in range(MESSAGES)])
    file = tmp_path / "messages.jsonl"
    place.run("export", "--out", str(file))

    interrupted(place, number, "SendMessageBatch", "import", str(file), "--to-queue", "--rate", "40", after=1)

    (entry,) = place.json("history")
    assert (entry["result"], entry["sent"]) == ("interrupted", place.queued)
    assert 0 < place.queued < MESSAGES


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_a_native_redrive_cancels_sqss_task(place, number):
    place.bury_many([f"message {each}" for each in range(MESSAGES)])

    requested = interrupted(
        place, number, "ListMessageMoveTasks", "redrive", "--all", "--native", "--rate", "2", after=2
    )

    (entry,) = place.json("history")
    left, hidden = place.dead_messages
    assert "CancelMessageMoveTask" in requested
    assert (entry["result"], entry["sent"], left, hidden) == ("interrupted", place.queued, MESSAGES - place.queued, 0)
    assert left > 0


@pytest.mark.parametrize("is_interrupted", [False, True], ids=["closed", "closed after Ctrl-C"])
def test_when_its_terminal_is_closed_a_command_still_puts_every_message_back(place, is_interrupted):
    """What it prints then reaches nobody, which breaks nothing off."""
    place.bury_many([f"message {each}" for each in range(MESSAGES)])
    with in_terminal(sys.executable, "-c", HOLDING, place.name) as (holding, terminal):
        read_until(terminal, b"held\r\n")
        assert place.dead_messages == (0, MESSAGES)
        if is_interrupted:
            holding.send_signal(signal.SIGINT)
            read_until(terminal, b"releasing\r\n")
        os.close(terminal)
        holding.stdin.write(b"\n")
        holding.stdin.close()

        assert holding.wait(60) == INTERRUPTED
    assert place.dead_messages == (MESSAGES, 0)


@contextmanager
def in_terminal(*command):
    """A process in a terminal of its own, which the block closes; its standard input is a pipe."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=take_terminal
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()


def take_terminal():
    """Let this process be ended when the terminal of its standard output is closed, also below nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)


def read_until(terminal, words):
    """Everything on the terminal, until these words are there."""
    shown = b""
    while words not in shown:
        shown += os.read(terminal, 65536)  # raises when the process is gone
    return shown


HOLDING = """
import sys
import time
from ops.cli.dlq import selection
from ops.cli.main import main

def join(stage, messages):
    print("held", flush=True)
    while True:
        time.sleep(60)

class Held(selection.HeldMessages):
    def release(self, messages=None):
        print("releasing", flush=True)
        sys.stdin.readline()
        super().release(messages)

selection.join, selection.HeldMessages = join, Held
sys.argv = ["darkroom", "dlq", "groups", "--stage", sys.argv[1]]
main()
"""
