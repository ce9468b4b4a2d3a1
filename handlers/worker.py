"""The worker: the consumer outside Lambda, as one process of a container: ``python -m handlers.worker``.

It ends with status 0 after SIGTERM or SIGINT, and with 1 when it cannot start, when messages were given back
unfinished, or when a batch did not end in time. docs/containers.md explains how to run it.
"""

import os
import sys
from collections.abc import Callable

from handlers.startup import starting
from handlers.worker_bootstrap import build_worker
from handlers.worker_loop import PollingLoop, block_signals


def main(build: Callable[[], PollingLoop] = build_worker) -> None:
    """Work until a signal."""
    block_signals()  # before any thread or child process is started
    with starting():
        worker = build()
    worker.stop.listen()
    if not worker.run():
        sys.stdout.flush()
        os._exit(1)  # without waiting for the batch that was given up


if __name__ == "__main__":
    main()
