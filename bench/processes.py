"""CPU time and memory of processes, from /proc. Linux only. A process that has ended meanwhile counts as zero."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

BLOCK = 512  # bytes, of stat(2)


def pin(core: int) -> None:
    """Keep this process and those it will start on one core, as a function of 1,769 MB has one vCPU.

    Also where it was started on another core, by a pinned process; a machine without this core leaves it as it is.
    """
    with suppress(OSError):
        os.sched_setaffinity(0, {core})


def family(pid: int | None = None) -> list[int]:
    """Return a process (default: this one) and all its descendants."""
    pid = os.getpid() if pid is None else pid
    return [pid, *(each for child in _children(pid) for each in family(child))]


def _children(pid: int) -> list[int]:
    """Of all threads; a thread that ends meanwhile leaves its children to the others."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """To the nanosecond for these processes, in hundredths of a second for those of their children that have ended."""
    return sum(_of(pid, _own_cpu) + _of(pid, _ended_children) for pid in pids)


def proportional_bytes(pids: Iterable[int]) -> float:
    """The proportional set size, in which memory that processes share counts once."""
    return sum(_of(pid, _proportional) for pid in pids)


def memory_file_bytes(pids: Iterable[int]) -> float:
    """Files that these processes hold open and that exist in memory alone, each counted once, as far as written."""
    found: dict[int, int] = {}
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                found |= _memory_file(f"/proc/{pid}/fd/{descriptor}")
    return float(sum(found.values()))


def _memory_file(link: str) -> dict[int, int]:
    """The number of a file that exists in memory alone, and its bytes."""
    with suppress(FileNotFoundError, ProcessLookupError):
        if os.readlink(link).startswith("/memfd:"):
            about = os.stat(link)
            return {about.st_ino: about.st_blocks * BLOCK}
    return {}


def _of(pid: int, read: Callable[[int], float]) -> float:
    try:
        return read(pid)
    except OSError:
        return 0.0


def _own_cpu(pid: int) -> float:
    return time.clock_gettime(~pid << 3 | 2)  # the clock of clock_getcpuclockid(3), for which Python has no function


def _ended_children(pid: int) -> float:
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _proportional(pid: int) -> float:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def _read(file: str) -> str:
    with open(file, encoding="ascii") as lines:
        return lines.read()
