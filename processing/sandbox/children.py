"""Starts children, one at a time, through a keeper of their own."""

import contextlib
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Mapping
from typing import Any, Final

from processing.recipe import Recipe
from processing.sandbox.capacity import MOST_KEPT
from processing.sandbox.channel import Channel, Gone, Nonsense

KEEPER: Final = "processing.sandbox.fork_server"
KEPT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")  # all that a child sees of the environment ...
KEPT_PREFIX: Final = "MALLOC_"  # ... and how its memory is managed


class ForkServerEnded(Gone):
    """The fork server has ended.

    Args:
        status: its exit status, a signal as a negative number; None if it is not known.
        number: the system's error number, if the system refused to fork.
    """

    def __init__(self, message: str, *, status: int | None = None, number: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.number = number


class Children:
    """A keeper process, and the one child that it has at a time.

    Args:
        environ: the consumer's environment, of which the child gets what it needs to run.
        kept: megabytes that a child may keep from one image to the next; to fault them in anew is half a render.
        keeper: the module to run; tests have one whose engine misbehaves.
    """

    def __init__(
        self, recipe: Recipe, *, environ: Mapping[str, str], kept: float = MOST_KEPT, keeper: str = KEEPER
    ) -> None:
        self._recipe = recipe
        self._environ = {**_kept(environ), "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        self._kept = kept
        self._keeper = keeper
        self._orders: Channel
        self._process: subprocess.Popen[bytes]
        self._start_keeper()

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._process.pid

    def start(self) -> Channel:
        """Order a child, and the end of the one before, if there is one; returns the new one's channel at once."""
        ours, theirs = Channel.pair()
        self._ordered += 1
        with contextlib.suppress(Gone):  # `started` raises it
            self._orders.send({"start": self._ordered}, handing=theirs)
        theirs.close()
        return ours

    def started(self, seconds: float) -> int | None:
        """Wait until the child that was ordered last has started.

        Returns:
            The exit status of the one before, a signal as a negative number; None when there was none.

        Raises:
            ForkServerEnded, Nonsense, TimeoutError: the keeper is of no use any more.
        """
        while True:
            message = self._receive(seconds)
            if message.get("started") == self._ordered:
                ended = message.get("ended")
                return ended if ended is None else int(ended)
            if message.get("started") not in range(1, self._ordered):  # ordered, and replaced before it was waited for
                raise Nonsense(f"the keeper says {message}")

    def _receive(self, seconds: float) -> dict[str, Any]:
        try:
            message, _ = self._orders.receive(seconds)
        except Gone as error:
            status = _exit_status(self._process)
            raise ForkServerEnded(f"the fork server ended with status {status}", status=status) from error
        if "refused" in message:
            text = f"the fork server cannot fork: {os.strerror(message['refused'])}"
            raise ForkServerEnded(text, number=message["refused"])
        return message

    def restart(self) -> None:
        """End the keeper and its child, and start another keeper."""
        self.close()
        self._start_keeper()

    def close(self) -> None:
        """End the keeper and its child, and wait until the keeper has ended."""
        self._end()

    def _start_keeper(self) -> None:
        self._ordered = 0
        self._orders, theirs = Channel.pair()
        descriptors = theirs.descriptors
        self._process = subprocess.Popen(  # noqa: S603 - nothing of it is input
            [sys.executable, "-P", "-m", self._keeper, *map(str, descriptors)],  # -P: nothing of where it stands
            env=self._environ,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._end = weakref.finalize(self, _end, self._process, self._orders)
        with contextlib.suppress(Gone):  # `started` raises it
            self._orders.send({"kept": self._kept}, [pickle.dumps(self._recipe)])


def _exit_status(process: "subprocess.Popen[bytes]") -> int | None:
    """How a process ended whose socket is closed, so that it has ended or is about to."""
    try:
        return process.wait(1.0)
    except subprocess.TimeoutExpired:
        return None


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIX)}


def _end(process: "subprocess.Popen[bytes]", orders: Channel) -> None:
    orders.close()
    process.kill()
    process.wait()
