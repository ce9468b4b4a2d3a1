"""How fast a full queue is emptied: by Lambda's rules for a mapping on a queue, S3's for a prefix, and DynamoDB's.

::

    images a second
      ceiling ......................  ________     invocations at once x batch / seconds of a batch; S3's rate
                                     |
      table, 30 minutes later ...____|             twice the write units of the half hour before
                              __|
      table, as it is warm __/                     write units / write units of an image
                          /                        5 invocations at once, and 300 more a minute
                         /

Failures, cold starts and S3's own growth are left out: S3 splits a prefix in 30 to 60 minutes of load.
`tests/ops/cli/costs/lambda_scaling.py` simulates the same rules in steps of a tenth of a second;
`ops.cli.plan.quotas` has the source of each.
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
PREFIX_WRITES: Final = 3500  # requests a second to one prefix of a bucket
PREFIX_READS: Final = 5500
ACCOUNT: Final = 1000  # invocations at once of all functions; a new account has 10


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What AWS allows: all that differs from one account to another, or grows.

    Args:
        account: invocations at once, of all functions.
        warm: write units a second that the table takes when it begins.
        prefixes: into which S3 has split the keys below the uploads prefix, and so those of each variant.
    """

    account: int = ACCOUNT
    warm: int = WARM
    prefixes: int = 1


DEFAULT_LIMITS: Final = AccountLimits()


@dataclass(frozen=True, slots=True)
class Workload:
    """Images that all wait in the queue, and what processes them.

    Args:
        batch: images of one invocation.
        batch_seconds: that it takes.
        concurrency: invocations at once, at most.
        writes: write units of the images table for one image.
        puts: requests for one image to write one variant, refused ones among them.
        reads: requests for one image to read its original, or to look at it.
    """

    images: int
    batch: int
    batch_seconds: float
    concurrency: int
    writes: float
    puts: float = 1.0
    reads: float = 2.0
    limits: AccountLimits = DEFAULT_LIMITS

    @property
    def each(self) -> float:
        """Images a second of one invocation after the other."""
        return self.batch / self.batch_seconds

    @property
    def most_at_once(self) -> int:
        """Invocations, after the ramp."""
        return min(self.concurrency, self.limits.account, MOST)

    @property
    def ceiling(self) -> float:
        """Images a second when as many invocations run as may."""
        return self.most_at_once * self.each

    @property
    def storage_rate(self) -> float:
        """Images a second that S3 takes: each variant has a prefix of its own."""
        return self.limits.prefixes * min(PREFIX_WRITES / max(self.puts, 1.0), PREFIX_READS / max(self.reads, 1.0))

    @property
    def fastest(self) -> float:
        """Images a second that S3 and the table's quota leave of the ceiling."""
        return min(self.ceiling, self.storage_rate, TABLE_MOST / self.writes)

    def rate(self, period: int) -> float:
        """Images a second in a period (0 the first), when the table took all it could before."""
        doubled = min(float(TABLE_MOST), self.limits.warm * 2.0 ** min(period, 64))
        return min(self.ceiling, self.storage_rate, max(self.limits.warm, doubled) / self.writes)


def drain_seconds(work: Workload) -> float:
    """The seconds until all images are processed."""
    rate = work.rate(0)
    ramp = ramp_seconds(rate / work.each)
    start = min(FIRST * work.each, rate)
    lag = LAG if ramp else 0.0
    in_ramp = start * lag + (start + rate) / 2 * ramp
    if work.images <= in_ramp:
        return _within_ramp(work, start)
    left, now = work.images - in_ramp, lag + ramp
    for period in range(math.ceil(math.log2(TABLE_MOST)) + 1):
        rate = work.rate(period)
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
