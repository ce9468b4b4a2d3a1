"""A fork server that is refused something, or crashes, as the variable MALLOC_REFUSED says: children keep its prefix.

Run as the fork server is.
"""

import ctypes
import errno
import os
import resource
import signal
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from processing.sandbox import fork_server

REFUSALS = ("fork", "prctl", "/proc", "RLIMIT_AS", "exit", "SIGSYS", "SIGSYS of the child")
CRASHES = ("crash", "crash of the child")


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def end(by: signal.Signals, *_: Any) -> NoReturn:
    os.kill(os.getpid(), by)
    raise AssertionError


def refuse_limits(kind: int, limits: tuple[int, int], set_limit: Any = resource.setrlimit) -> None:
    if kind == resource.RLIMIT_AS:
        raise ValueError("not allowed to raise maximum limit")
    set_limit(kind, limits)


class Refusing:
    """A libc whose prctl fails."""

    @staticmethod
    def prctl(*_: object) -> int:
        return -1


def prepare(refused: str) -> None:
    """Put the refusal in place."""
    match refused:
        case "fork":
            os.fork = refuse
        case "prctl":
            ctypes.CDLL = lambda *_, **__: Refusing  # type: ignore[assignment, misc]
        case "/proc":
            Path.read_bytes = refuse  # type: ignore[method-assign]
        case "RLIMIT_AS":
            resource.setrlimit = refuse_limits
        case "exit":
            raise SystemExit(1)
        case "crash":
            end(signal.SIGILL)
        case "crash of the child":
            fork_server._answer = partial(end, signal.SIGILL)
        case "SIGSYS":  # as a filter of system calls ends a process
            end(signal.SIGSYS)
        case "SIGSYS of the child":
            fork_server._answer = partial(end, signal.SIGSYS)


if __name__ == "__main__":
    prepare(os.environ["MALLOC_REFUSED"])
    fork_server.main()
