"""What processes take: CPU and memory of one and all its descendants, from /proc. Linux only."""

import os
import time
from collections.abc import Callable
from contextlib import suppress

CORE = 0


def pin(core: int = CORE) -> None:
    """Keep this process and those it will start on one core: a function of 1,769 MB has one vCPU."""
    if core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def family(pid: int | None = None) -> list[int]:
    """A process and all its descendants, this one if none is given."""
    pid = os.getpid() if pid is None else pid
    return [pid, *(each for child in _children(pid) for each in family(child))]


def _children(pid: int) -> list[int]:
    """Of all threads; one that ends meanwhile leaves its children to the others."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


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
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _proportional(pid: int) -> float:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _read(file: str) -> str:
    with open(file, encoding="ascii") as lines:
        return lines.read()
