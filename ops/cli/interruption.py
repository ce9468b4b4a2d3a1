"""Ctrl-C, SIGTERM and a closed terminal: what the first one does, and what the next.

::

    the first                        KeyboardInterrupt in the main thread; in a `deferred` block it is only noted
    within ECHO of a noted one       nothing: npm, set-up and the terminal deliver one Ctrl-C several times
    a later one, after a noted one   KeyboardInterrupt
    none, for PATIENCE after it      the same: the block waits for an answer that does not come
    after a KeyboardInterrupt        nothing: no signal may break the tear-down off; a closed terminal is left
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final, NoReturn

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when the terminal is closed
ECHO: Final = 1.0  # seconds; a signal passes through two processes, which a busy machine lets wait
PATIENCE: Final = 60.0  # seconds that a block has to come to an end
AGAIN: Final = 1.0  # seconds to the next signal: one that comes just before a call begins to wait does not break it off


class Interruption:
    """Whether, and how long ago, a signal asked to come to an end.

    Args:
        terminals: the file descriptors of ours that are terminals.
        clock: of seconds.
    """

    def __init__(self, terminals: Sequence[int] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._terminals = terminals
        self._clock = clock
        self._since: float | None = None
        # A signal handler must wait for no lock, which the code that it interrupts may hold: this queue has none
        self._news: SimpleQueue[bool] = SimpleQueue()  # True for the first signal, False for the end of the block

    def requested(self) -> bool:
        """Whether to come to an end."""
        return self._since is not None

    def seconds(self) -> float:
        """How long ago that was first asked for; 0 when it was not."""
        return self._clock() - self._since if self._since is not None else 0.0

    def hear(self, number: int, _frame: FrameType | None = None) -> None:
        """Take note of a signal; it is a signal handler.

        Raises:
            KeyboardInterrupt: it is a second one.
        """
        if number == signal.SIGHUP:
            _leave(self._terminals)
        if self._since is None:
            self._since = self._clock()
            self._news.put(True)
        elif self.seconds() > ECHO:
            ignore(self._terminals)
            raise KeyboardInterrupt

    def over(self) -> None:
        """The block has come to its end: `watch` returns."""
        self._news.put(False)

    def watch(self, on_first: Callable[[], object]) -> None:
        """Call ``on_first`` after the first signal, and end the block if it does not end itself; in another thread."""
        if not self._news.get():
            return
        on_first()
        seconds = PATIENCE
        while not self._ends_within(seconds):  # the main thread waits for an answer, which a signal breaks off
            signal.pthread_kill(_main_thread(), signal.SIGINT)
            seconds = AGAIN

    def _ends_within(self, seconds: float) -> bool:
        try:
            self._news.get(timeout=seconds)
        except Empty:
            return False
        return True


def listen() -> None:
    """Let the first signal unwind the command, and no other one do anything; `deferred` blocks excepted."""
    terminals = _terminals()

    def unwind(number: int, _frame: FrameType | None) -> NoReturn:
        ignore(terminals)
        if number == signal.SIGHUP:
            _leave(terminals)
        raise KeyboardInterrupt

    for number in _heard():
        signal.signal(number, unwind)


@contextmanager
def deferred(on_first: Callable[[], object] = lambda: None) -> Iterator[Interruption]:
    """Let the block decide how it comes to an end; after a signal it must, since none is heard behind the block.

    Args:
        on_first: called when the first signal has come, by another thread: a signal handler must not print.
    """
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in _heard()}
    terminals = _terminals()
    interruption = Interruption(terminals)
    threading.Thread(target=interruption.watch, args=[on_first], name="interruption", daemon=True).start()
    try:
        for number in before:
            signal.signal(number, interruption.hear)
        yield interruption
    finally:
        interruption.over()
        if interruption.requested():
            ignore(terminals)
        else:
            for number, handler in before.items():
                signal.signal(number, handler)


def ignore(terminals: Sequence[int] = ()) -> None:
    """Let no signal do anything any more, but for a terminal that is closed: nothing is printed to it then."""
    for number in _heard():
        signal.signal(number, signal.SIG_IGN if number != signal.SIGHUP else lambda *_: _leave(terminals))


def _heard() -> list[signal.Signals]:
    """All of them, but for the one that nohup ignores."""
    return [each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]


def _terminals() -> list[int]:
    """Of standard output and error. Looked for early: one that was closed says that it is no terminal."""
    return [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]


def _main_thread() -> int:
    ident = threading.main_thread().ident
    assert ident is not None
    return ident


def _leave(terminals: Sequence[int]) -> None:
    """Print nothing more to a terminal that was closed: writing to it fails, and would break the tear-down off."""
    for descriptor in terminals:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), descriptor)
