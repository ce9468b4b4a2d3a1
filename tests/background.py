"""A server that answers in a thread of this process while a block runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer


@contextmanager
def in_background(server: BaseServer) -> Iterator[None]:
    """Have the server answer until the block ends, however it ends; its socket is closed by whoever opened it."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
