"""How fast a full queue is emptied: by Lambda's rules for a mapping on a queue, and DynamoDB's for an on-demand table.

::

    images a second
      ceiling ......................  ________     invocations at once x batch / seconds of a batch
                                     |
      table, 30 minutes later ...____|             twice the write units of the half hour before
                              __|
      table, as it is warm __/                     write units / write units of an image
                          /                        5 invocations at once, and 300 more a minute
                         /

Failures, cold starts and S3's own growth are left out. `tests/ops/cli/lambda_scaling.py` simulates the same rules in
steps of a tenth of a second.
"""

import math
from dataclasses import dataclass
from typing import Final

FIRST: Final = 5  # invocations at once, of a mapping whose queue has become busy
RAMP: Final = 300 / 60  # more of them each second
LAG: Final = 30.0  # seconds: those of a minute come at its end, so on average half a minute after a steady growth
MOST: Final = 1250  # of one mapping; its maximum concurrency ends at 1,000
PERIOD: Final = 1800.0  # seconds in which an on-demand table's writes may double
TABLE_MOST: Final = 40_000  # write units a second, an account's quota for each table
WARM: Final = 4000  # write units a second that a new on-demand table takes at once


@dataclass(frozen=True, slots=True)
class Workload:
    """Images that all wait in the queue, and what processes them.

    Args:
        batch: images of one invocation.
        batch_seconds: that it takes.
        concurrency: invocations at once, at most.
        writes: write units of the images table for one image.
        warm: write units a second that the table takes when it begins.
    """

    images: int
    batch: int
    batch_seconds: float
    concurrency: int
    writes: float
    warm: int = WARM

    @property
    def each(self) -> float:
        """Images a second of one invocation after the other."""
        return self.batch / self.batch_seconds

    @property
    def ceiling(self) -> float:
        """Images a second when as many invocations run as may."""
        return min(self.concurrency, MOST) * self.each

    @property
    def fastest(self) -> float:
        """Images a second that the table's quota leaves of that."""
        return min(self.ceiling, TABLE_MOST / self.writes)

    def table_rate(self, period: int) -> float:
        """Images a second that the table takes in a period (0 the first), when it took all it could before."""
        doubled = min(float(TABLE_MOST), self.warm * 2.0 ** min(period, 64))
        return max(self.warm, doubled) / self.writes


def drain_seconds(work: Workload) -> float:
    """The seconds until all images are processed."""
    rate = min(work.ceiling, work.table_rate(0))
    ramp = ramp_seconds(rate / work.each)
    start = min(FIRST * work.each, rate)
    lag = LAG if ramp else 0.0
    in_ramp = start * lag + (start + rate) / 2 * ramp
    if work.images <= in_ramp:
        return _within_ramp(work, start)
    left, now = work.images - in_ramp, lag + ramp
    for period in range(math.ceil(math.log2(TABLE_MOST)) + 1):
        rate = min(work.ceiling, work.table_rate(period))
        until = PERIOD * (period + 1)
        if rate >= work.fastest or left <= rate * (until - now):
            break
        left, now = left - rate * (until - now), until
    return now + left / rate


def ramp_seconds(concurrency: float) -> float:
    """The seconds in which so many invocations come to run at once, from when they begin to become more."""
    return max(0.0, (concurrency - FIRST) / RAMP)


def _within_ramp(work: Workload, start: float) -> float:
    """The seconds of few images: ``start x (LAG + t) + growth x t^2 / 2 = images``."""
    left, growth = work.images - start * LAG, RAMP * work.each
    if left <= 0:
        return work.images / start
    return LAG + (math.sqrt(start**2 + 2 * growth * left) - start) / growth
