"""That no thread outlives a call. Other threads of the process, such as a server's, may end meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

OTHERS = "process_request_thread"  # moto's server has one for each connection that is kept


@contextmanager
def no_thread_left() -> Iterator[None]:
    """Check that every thread begun in the block has ended when the block does."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and OTHERS not in thread.name]
    assert left == []
