"""What the first signal does, and what the next: in a command, in a block that ends by itself, and after either."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from ops.cli import interruption
from ops.cli.interruption import ECHO, SIGNALS, Interruption, deferred, listen
from ops.local.emulator import PROJECT

pytestmark = pytest.mark.usefixtures("signals_as_before")


def handlers():
    return {signal.getsignal(number) for number in SIGNALS}


def assert_nothing_is_heard():
    for number in SIGNALS:
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_unwinds_a_command_and_no_other_is_heard_meanwhile(number):
    listen()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)

    assert_nothing_is_heard()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_block_that_defers_signals_is_told_and_none_is_heard_behind_it(number):
    listen()

    with deferred() as interrupted:
        assert not interrupted.requested()
        signal.raise_signal(number)
        assert interrupted.requested()

    assert_nothing_is_heard()


def test_a_second_signal_ends_the_block_at_once(monkeypatch):
    listen()
    monkeypatch.setattr(interruption, "ECHO", 0)

    with deferred() as interrupted:
        signal.raise_signal(signal.SIGINT)
        assert interrupted.requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert_nothing_is_heard()

    assert_nothing_is_heard()


def test_a_block_that_hangs_is_ended_as_by_a_second_signal(monkeypatch):
    listen()
    monkeypatch.setattr(interruption, "ECHO", -1)
    monkeypatch.setattr(interruption, "PATIENCE", 0)
    hangs, told = threading.Event(), list[bool]()

    def hang():
        hangs.set()
        threading.Event().wait()  # as for a server that does not answer

    with deferred(lambda: told.append(hangs.wait())):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            hang()

    assert told == [True]
    assert_nothing_is_heard()


def test_a_signal_that_comes_just_before_the_wait_begins_is_sent_again(monkeypatch):
    listen()
    for name, seconds in (("ECHO", -1), ("PATIENCE", 0), ("AGAIN", 0.01)):
        monkeypatch.setattr(interruption, name, seconds)
    send, sent = signal.pthread_kill, list[int]()

    def lost_at_first(thread, number):
        sent.append(number)
        if len(sent) > 2:
            send(thread, number)

    monkeypatch.setattr(signal, "pthread_kill", lost_at_first)

    with deferred():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait()

    assert len(sent) > 2


def test_one_ctrl_c_that_comes_several_times_is_one():
    now = [0.0]
    interrupted = Interruption(clock=lambda: now[0])

    for now[0] in (1.0, 1.0, 1.0 + ECHO):
        interrupted.hear(signal.SIGINT)
    assert (interrupted.requested(), interrupted.seconds()) == (True, ECHO)

    now[0] += 0.1
    with pytest.raises(KeyboardInterrupt):
        interrupted.hear(signal.SIGINT)


def test_without_a_signal_the_command_hears_as_before_behind_the_block():
    listen()
    before = handlers()

    with deferred() as interrupted:
        pass

    assert handlers() == before
    assert (interrupted.requested(), interrupted.seconds()) == (False, 0)


def test_a_closed_terminal_that_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    listen()

    with deferred() as interrupted:
        signal.raise_signal(signal.SIGHUP)

    assert not interrupted.requested()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


CLOSED = """
import fcntl, os, signal, sys, termios, time
from ops.cli.interruption import listen

said = int(sys.argv[1])
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
listen()
try:
    os.write(said, b"ready")
    signal.pause()
except KeyboardInterrupt:
    os.write(said, b"unwinds")
    while os.isatty(0):
        time.sleep(0.001)
    print("to nobody", flush=True)
    print("to nobody", file=sys.stderr, flush=True)
    os.write(said, b"unwound")
"""


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGINT])
def test_what_is_printed_after_the_terminal_was_closed_breaks_nothing_off(first):
    """A closed terminal says that it is none, and every write to it fails."""
    master, terminal = os.openpty()
    reads, writes = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", CLOSED, str(writes)],
        cwd=PROJECT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        pass_fds=[writes],
        start_new_session=True,
    )
    os.close(terminal)
    os.close(writes)
    with process, open(reads, "rb", buffering=0) as said:
        ready = said.read(5)
        if first == signal.SIGINT:
            process.send_signal(first)
            assert said.read(7) == b"unwinds"
            os.close(master)
        else:
            os.close(master)
            assert said.read(7) == b"unwinds"
        unwound = said.read(7)

    assert (ready, unwound, process.returncode) == (b"ready", b"unwound", 0)
