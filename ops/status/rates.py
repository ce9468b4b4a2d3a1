"""How fast a queue empties, from CloudWatch's counts or from two looks at its length; and when it will be empty.

What is not known is None, never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """The length of the queue at a time, in seconds."""

    at: float
    total: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second. ``source`` says from what.

    Args:
        finished: deleted, which is what happens to those that succeed.
        arriving: sent.
        shrinking: by which the queue gets shorter; below zero, longer.
    """

    finished: float | None = None
    arriving: float | None = None
    shrinking: float | None = None
    source: str = ""

    def seconds_to_drain(self, total: int) -> float | None:
        """Until the queue is empty at this rate; None when that is unknown, or never."""
        if total == 0:
            return 0.0
        return total / self.shrinking if self.shrinking is not None and self.shrinking > 0 else None


def of_counts(deleted: Sequence[float], sent: Sequence[float], period: float) -> Rate:
    """From CloudWatch's counts by ``period`` seconds; the minutes that it has."""
    if not deleted:
        return Rate()
    finished = sum(deleted) / len(deleted) / period
    arriving = sum(sent) / len(sent) / period if sent else None
    shrinking = None if arriving is None else finished - arriving
    minutes = len(deleted) * period / 60
    return Rate(finished, arriving, shrinking, f"CloudWatch, {minutes:g} minutes")


def of_samples(samples: Sequence[Sample]) -> Rate:
    """From the first and the last of some looks: only by how much the queue shrank, not what came and went."""
    if len(samples) < 2 or samples[-1].at <= samples[0].at:
        return Rate()
    first, last = samples[0], samples[-1]
    seconds = last.at - first.at
    return Rate(shrinking=(first.total - last.total) / seconds, source=f"the queue's length over {seconds:.0f} s")
