"""What is said of a port that cannot be had."""

import errno
import os

from ops.errors import StackError


def port_refused(port: int, reason: str, *, instead: str) -> StackError:
    """The error for a port that somebody named with --port, or that is the default.

    Args:
        reason: the system's words.
        instead: what to do, other than to name another one.
    """
    is_taken = reason == os.strerror(errno.EADDRINUSE)
    why = "is taken by another program" if is_taken else f"cannot be had ({reason})"
    return StackError(f"port {port} {why}: name another one with --port, or {instead}")
