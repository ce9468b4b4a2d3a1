"""Many histories side by side, and what came of them."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat

from tests.simulation.histories import play
from tests.simulation.invariants import violations

CHUNK = 500


@dataclass
class Report:
    """``faults`` by kind; ``broken`` are the seeds whose histories broke a rule, with what they broke."""

    histories: int = 0
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    broken: dict[int, list[str]] = field(default_factory=dict)

    def __iadd__(self, other: "Report") -> "Report":
        self.histories += other.histories
        self.requests += other.requests
        self.faults += other.faults
        self.ends += other.ends
        self.erased += other.erased
        self.broken |= other.broken
        return self


def run(seeds: Iterable[int], *, most_faults: int = 3, erasing: bool = False) -> Report:
    """Play one history for each seed."""
    report = Report()
    for seed in seeds:
        world = play(seed, most_faults=most_faults, erasing=erasing)
        found = violations(world)
        report.histories += 1
        report.requests += world.requests
        report.faults += world.counts
        report.ends += Counter(str(item["status"]) for item in world.items.values())
        report.erased += len(world.erasures.receipts) if world.erasures else 0
        if found:
            report.broken[seed] = found
    return report


def run_side_by_side(seeds: range, *, workers: int, most_faults: int = 3, erasing: bool = False) -> Iterator[Report]:
    """The report so far, after each chunk of seeds."""
    report = Report()
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(workers) as pool:
        for part in pool.map(_run, chunks, repeat(most_faults), repeat(erasing)):
            report += part
            yield report


def _run(seeds: range, most_faults: int, erasing: bool) -> Report:
    with quiet():
        return run(seeds, most_faults=most_faults, erasing=erasing)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the consumer's log lines: the simulator tells what happens itself."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
