"""What a container may use, from its control group (v2 or v1), which is all that it sees below /sys/fs/cgroup.

https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CGROUP: Final = Path("/sys/fs/cgroup")
MEGABYTE: Final = 1 << 20
NO_LIMIT: Final = 1 << 60  # bytes; version 1 writes a huge number where there is none


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """Megabytes of memory, None without a limit, and CPUs."""

    memory: float | None
    cpus: float


def container_limits(cgroup: Path = CGROUP) -> ContainerLimits:
    """The limits of this process's container; without one, the machine's CPUs."""
    memory = _first(cgroup / "memory.max", cgroup / "memory/memory.limit_in_bytes")
    number = int(memory[0]) if memory and memory[0].isdigit() else NO_LIMIT
    cpus = float(len(os.sched_getaffinity(0)))
    quota = _first(cgroup / "cpu.max") or [
        *_first(cgroup / "cpu/cpu.cfs_quota_us"),
        *_first(cgroup / "cpu/cpu.cfs_period_us"),
    ]
    if len(quota) == 2 and quota[0].isdigit():
        cpus = min(cpus, int(quota[0]) / int(quota[1]))
    return ContainerLimits(number / MEGABYTE if number < NO_LIMIT else None, cpus)


def _first(*paths: Path) -> list[str]:
    """The words of the first of these files that exists."""
    return next((path.read_text(encoding="ascii").split() for path in paths if path.exists()), [])
