"""A folder that one process at a time writes to; the system lets go of it when the process ends, however that was."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUseError(Exception):
    """Another process writes to the folder."""


@contextmanager
def claimed(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes from claiming a folder while the block runs.

    Args:
        wait: until another one that has claimed it has let go of it.

    Raises:
        InUseError: another one has claimed it, and nobody waits.
        OSError: it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(folder) from error
        yield
    finally:
        os.close(descriptor)
