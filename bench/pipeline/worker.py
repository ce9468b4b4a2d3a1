"""One consumer as a child process on one core: batches as JSON lines on stdin, their figures on stdout.

Run as ``python -m bench.pipeline.worker WAY ORIGINALS LOGS`` in the folder whose ``handlers`` and ``processing`` are
measured, with the project on PYTHONPATH. So it imports no module that needs those of this commit.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.pipeline.context import Context
from bench.processes import cpu_seconds, family, pin, proportional_bytes

CORE = 0
DEPLOYED = "deployed"
"""The way of our own consumer, of the current folder, which may be another commit's."""


def main(way: str, originals: Path, logs: Path) -> None:
    """Answer each batch with wall and CPU seconds, failed messages, bytes logged so far, and megabytes of memory."""
    pin(CORE)
    with os.fdopen(os.dup(1), "w") as answers, logs.open("wb", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        handler = _handler(way, originals)
        for number, line in enumerate(sys.stdin):
            before, start = cpu_seconds(family()), time.perf_counter()
            try:
                answer, error = handler(json.loads(line), Context(f"request-{number}")), ""
            except Exception as failure:  # noqa: BLE001 - as in Lambda: the whole batch failed
                answer, error = None, f"{type(failure).__name__}: {failure}"
            took = {"wall": time.perf_counter() - start, "cpu": cpu_seconds(family()) - before}
            failed = [each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", [])]
            megabytes = proportional_bytes(family()) / 2**20
            state = {"failed": failed, "error": error, "logged": logs.stat().st_size, "megabytes": megabytes}
            answers.write(json.dumps(took | state) + "\n")
            answers.flush()


def _handler(way: str, originals: Path) -> Callable[[dict[str, Any], Any], dict[str, Any] | None]:
    if way == DEPLOYED:
        from handlers.consumer import handler

        return handler
    from bench.pipeline.consumers import WAYS

    return WAYS[way](originals)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
