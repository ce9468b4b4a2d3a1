"""Starts children, one at a time, through a keeper of their own."""

import contextlib
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Mapping
from typing import Final

from processing.recipe import Recipe
from processing.sandbox.capacity import MOST_KEPT
from processing.sandbox.channel import Channel, Gone, Nonsense

KEEPER: Final = "processing.sandbox.fork_server"
KEPT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")  # all that a child sees of the environment ...
KEPT_PREFIX: Final = "MALLOC_"  # ... and how its memory is managed


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
            Gone, Nonsense, TimeoutError: the keeper is of no use any more.
        """
        while True:
            message, _ = self._orders.receive(seconds)
            if message.get("started") == self._ordered:
                ended = message.get("ended")
                return ended if ended is None else int(ended)
            if message.get("started") not in range(1, self._ordered):  # ordered, and replaced before it was waited for
                raise Nonsense(f"the keeper says {message}")

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
            # Exactly the paths of this process: -P nothing of where it stands, -S nothing of where its Python is
            [sys.executable, "-P", "-S", "-m", self._keeper, *map(str, descriptors)],
            env=self._environ,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._end = weakref.finalize(self, _end, self._process, self._orders)
        with contextlib.suppress(Gone):  # `started` raises it
            self._orders.send({"kept": self._kept}, [pickle.dumps(self._recipe)])


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIX)}


def _end(process: "subprocess.Popen[bytes]", orders: Channel) -> None:
    orders.close()
    process.kill()
    process.wait()
