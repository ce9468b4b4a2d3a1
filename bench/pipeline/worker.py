"""One consumer in a process of its own, on one core: batches as JSON lines on stdin, what they took on stdout.

Run as ``python -m bench.pipeline.worker WAY ORIGINALS LOGS``.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.pipeline.consumers import WAYS

CORE = 0
TIMEOUT = 60.0


@dataclass
class Context:
    """What a handler asks of Lambda's context."""

    aws_request_id: str
    function_name: str = "consumer"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:consumer"
    end: float = field(default_factory=lambda: time.monotonic() + TIMEOUT)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - time.monotonic()) * 1000)


def main(way: str, originals: Path, logs: Path) -> None:
    """Answer each batch with its wall and CPU seconds, the failed messages, the bytes logged and the memory taken."""
    pin()
    with os.fdopen(os.dup(1), "w") as answers, logs.open("wb", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        handler = WAYS[way](originals)
        for number, line in enumerate(sys.stdin):
            before, start = cpu_seconds(), time.perf_counter()
            try:
                answer, error = handler(json.loads(line), Context(f"request-{number}")), ""
            except Exception as failure:  # noqa: BLE001 - as Lambda does: the batch has failed as a whole
                answer, error = None, f"{type(failure).__name__}: {failure}"
            took = {"wall": time.perf_counter() - start, "cpu": cpu_seconds() - before}
            failed = [each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", [])]
            said = {"failed": failed, "error": error, "logged": logs.stat().st_size, "megabytes": megabytes()}
            answers.write(json.dumps(took | said) + "\n")
            answers.flush()


def pin(core: int = CORE) -> None:
    """Keep this process and those it will start on one core: a function of 1,769 MB has one vCPU."""
    if core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def family(pid: int | None = None) -> list[int]:
    """A process and all its descendants, this one if none is given."""
    pid = os.getpid() if pid is None else pid
    children = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
    ]
    return [pid, *(each for child in children for each in family(child))]


def cpu_seconds() -> float:
    """Of the whole family: to the nanosecond of the living, in hundredths of a second of the dead."""
    return sum(_of(pid, _living) + _of(pid, _dead_children) for pid in family())


def megabytes() -> float:
    """The proportional set size of the whole family."""
    return sum(_of(pid, _proportional) for pid in family())


def _of(pid: int, read: Callable[[int], float]) -> float:
    """What is read of a process; nothing of one that has ended since it was found."""
    try:
        return read(pid)
    except OSError:
        return 0.0


def _living(pid: int) -> float:
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes them, for which Python has no function


def _dead_children(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _proportional(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
