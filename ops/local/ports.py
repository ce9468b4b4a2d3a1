"""What is said of a port that cannot be had."""

import errno
import os

from ops.errors import StackError


def port_refused(port: int, number: int | None, *, instead: str) -> StackError:
    """The error for a port that somebody named with --port, or that is the default.

    Args:
        number: the system's errno; its words differ with the caller.
        instead: what to do, other than to name another one.
    """
    reason = os.strerror(number) if number else "no such address"
    why = "is taken by another program" if number == errno.EADDRINUSE else f"cannot be had ({reason})"
    return StackError(f"port {port} {why}: name another one with --port, or {instead}")
