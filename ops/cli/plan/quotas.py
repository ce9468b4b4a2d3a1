"""AWS's quotas and the stage's own limits beside what a plan needs of them; what raises each, and its source. Pure.

A plan needs a rate: its images in the hours it is given. Limits are AWS's defaults; an account may have others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ops.cli.costs.drain import (
    FIRST,
    MOST,
    PREFIX_READS,
    PREFIX_WRITES,
    TABLE_MOST,
    Workload,
    drain_seconds,
    ramp_seconds,
)

MAPPING_MOST: Final = 1000  # what the parameter maximumConcurrency ends at
IN_FLIGHT: Final = 120_000
SENDER: Final = 500.0  # messages a second of one backfill: ten in a request of 20 ms, which is assumed
FILES_A_REQUEST: Final = 100  # of POST /uploads

AWS: Final = "https://docs.aws.amazon.com/"
SOURCES: Final = {
    "stage": "docs/parameters.md",
    "lambda": AWS + "lambda/latest/dg/gettingstarted-limits.html",
    "mapping": AWS + "lambda/latest/dg/services-sqs-scaling.html",
    "sqs": AWS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
    "s3": AWS + "AmazonS3/latest/userguide/optimizing-performance.html",
    "warm": AWS + "amazondynamodb/latest/developerguide/warm-throughput.html",
    "table": AWS + "amazondynamodb/latest/developerguide/ServiceQuotas.html",
    "backfill": "docs/deploying.md: assumed, ten messages in a request of 20 ms",
}


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota, and what the plan needs of it, both in ``unit``; ``source`` is a name in `SOURCES`."""

    name: str
    unit: str
    limit: float
    needed: float
    source: str
    remedy: str

    @property
    def binds(self) -> bool:
        """Whether the plan needs more than there is."""
        return self.needed > self.limit


@dataclass(frozen=True, slots=True)
class StageLimits:
    """What the stage's parameters allow: days that the queue keeps a message, requests a day of an API key."""

    retention_days: int
    daily_requests: int


@dataclass(frozen=True, slots=True)
class Plan:
    """So many images within so many hours, on a stage as it is."""

    work: Workload
    stage: StageLimits
    within_hours: float

    @property
    def rate(self) -> float:
        """Images a second that the plan needs."""
        return self.work.images / self.within_hours / 3600

    @property
    def hours(self) -> float:
        """The hours needed to drain the queue with the stage as it is."""
        return drain_seconds(self.work) / 3600

    @property
    def invocations(self) -> int:
        """Invocations at once that the plan needs, one for rounding among them."""
        return math.ceil(self.rate / self.work.each)

    @property
    def days(self) -> float:
        return self.within_hours / 24

    def quotas(self) -> list[Quota]:
        """Every one, in the order in which an image meets them."""
        return [*self._arrival(), *self._processing(), *self._storage()]

    def _arrival(self) -> Iterator[Quota]:
        files, prefixes = self.stage.daily_requests * FILES_A_REQUEST, self.work.limits.prefixes
        yield Quota(
            *("uploads by one API key", "files a day", files, self.work.images / self.days, "stage"),
            "apiDailyQuota; or upload with credentials, by the command upload or by aws s3 sync",
        )
        yield Quota(
            *("S3 PUT of originals", "/s a prefix", PREFIX_WRITES, self.rate / prefixes, "s3"),
            "more prefixes below uploadsPrefix; S3 splits them in 30 to 60 minutes of load",
        )
        yield Quota(
            *("one backfill sends", "/s", SENDER, self.rate, "backfill"),
            "several backfills at once, each with its own --prefix and --checkpoint",
        )
        yield Quota(
            *("queue keeps a message", "hours", 24.0 * self.stage.retention_days, self.hours, "stage"),
            "queueRetentionDays (to 13); or a backfill, which keeps at most --depth in the queue",
        )

    def _processing(self) -> Iterator[Quota]:
        needed, in_flight = self.invocations, self.invocations * self.work.batch
        yield Quota(
            *("maximumConcurrency", "at once", self.work.concurrency, needed, "stage"),
            f"maximumConcurrency={needed}, or more memory",
        )
        yield Quota(
            *("one mapping's concurrency", "at once", min(MAPPING_MOST, MOST), needed, "mapping"),
            "a second stage for some of the prefixes, or more memory",
        )
        yield Quota(
            *("account's concurrency", "at once", self.work.limits.account, needed, "lambda"),
            "a request: Service Quotas, L-B99A9384; a new account has 10",
        )
        yield Quota(
            *(f"ramp: {FIRST}, then 300 a minute", "hours", self.within_hours / 10, self._ramp(needed), "mapping"),
            "nothing needed for hours of work; provisioned mode excludes maximumConcurrency",
        )
        yield Quota(
            *("messages in flight", "a queue", IN_FLIGHT, in_flight, "sqs"),
            "fewer at once; failed messages that wait for their next try count too",
        )

    def _storage(self) -> Iterator[Quota]:
        writes, prefixes = self.rate * self.work.writes, self.work.limits.prefixes
        yield Quota(
            *("S3 GET, HEAD of originals", "/s a prefix", PREFIX_READS, self.work.reads * self.rate / prefixes, "s3"),
            "more prefixes below uploadsPrefix; AWS Support can split them ahead",
        )
        yield Quota(
            *("S3 PUT of one variant", "/s a prefix", PREFIX_WRITES, self.work.puts * self.rate / prefixes, "s3"),
            "more prefixes below uploadsPrefix: a variant's key repeats them",
        )
        yield Quota(
            *("table's writes, as it is warm", "units/s", self.work.limits.warm, writes, "warm"),
            f"half an hour a doubling; or aws dynamodb update-table --warm-throughput WriteUnitsPerSecond={writes:.0f}",
        )
        yield Quota(
            *("table's writes, the account's", "units/s", TABLE_MOST, writes, "table"),
            "a request: Service Quotas, table-level write throughput",
        )

    def _ramp(self, invocations: int) -> float:
        return ramp_seconds(min(invocations, MOST)) / 3600
