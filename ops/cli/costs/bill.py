"""The lines of what images cost once, by a stage's consumer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ops.cli.costs.batch import FunctionSettings, ImageSeconds, image_seconds
from ops.cli.costs.cpu import megapixels_of
from ops.cli.costs.drain import DEFAULT_LIMITS, AccountLimits, Workload, drain_seconds
from ops.cli.costs.requests import Requests
from ops.cli.prices import (
    GB,
    GB_SECOND,
    INVOCATION,
    LOG_GB,
    S3_READ,
    S3_WRITE,
    SQS_REQUEST,
    TABLE_WRITE,
)

LOG_BYTES: Final = 600  # one line of JSON an image
MOST_ENTRIES: Final = 10  # in one SendMessageBatch


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill: so many units, each at a price in dollars."""

    service: str
    what: str
    units: float
    price: float

    @property
    def dollars(self) -> float:
        return self.units * self.price


@dataclass(frozen=True, slots=True)
class Bill:
    """What so many images cost, and the hours they take.

    Args:
        made: of the images, those that get variants.
        seconds: that are billed for each.
        work: what the hours follow from.
    """

    images: int
    made: int
    seconds: float
    work: Workload
    lines: tuple[BillLine, ...]

    @property
    def hours(self) -> float:
        """Until a queue that holds all of them is empty."""
        return drain_seconds(self.work) / 3600 if self.images else 0.0

    @property
    def dollars(self) -> float:
        return sum(line.dollars for line in self.lines)

    def requests(self) -> dict[str, int]:
        """How many of each kind, invocations among them."""
        return {f"{line.service} {line.what}": round(line.units) for line in self.lines[1:-1]}

    def by_service(self) -> dict[str, float]:
        """Dollars, in the order of the lines."""
        sums: dict[str, float] = {}
        for line in self.lines:
            sums[line.service] = sums.get(line.service, 0.0) + line.dollars
        return sums


def bill_of_backfill(files: Iterable[tuple[int, Requests]], function: FunctionSettings, *, variants: int) -> Bill:
    """What a backfill costs; the files are taken one by one and not kept.

    Args:
        files: the size of each in bytes, and its requests. One variant is taken to need as much CPU as all of them:
            decoding is most of it.
        variants: of each.
    """
    images, made, taken, requests = 0, 0, ImageSeconds(), Requests()
    for size, its in files:
        images += 1
        made += its.puts > 0
        requests += its
        fetched = size * its.gets
        taken += image_seconds(
            function, its, variants=variants, megapixels=megapixels_of(fetched), original_bytes=fetched
        )
    seconds = function.billed_seconds(taken * (1 / images)) if images else 0.0
    made_of_all = bill(images, function, seconds=seconds, requests=requests, variants=variants, uploads=False)
    return replace(made_of_all, made=made)


def bill(
    images: int,
    function: FunctionSettings,
    *,
    seconds: float,
    requests: Requests,
    variants: int,
    uploads: bool,
    limits: AccountLimits = DEFAULT_LIMITS,
) -> Bill:
    """What images of so many billed seconds each cost.

    Args:
        requests: of all of them.
        variants: of each.
        uploads: whether they are still to be uploaded; a backfill's are there.
    """
    sends = images if uploads else images / MOST_ENTRIES  # S3 sends each alone, a backfill ten at a time
    computing, invocations, *requested = processing_lines(images, function, seconds, requests, sends)
    originals = BillLine("S3", "PUT of originals", images if uploads else 0, S3_WRITE)
    work = _workload(images, function, seconds, requests * (1 / max(1, images)), variants, limits)
    return Bill(images, images, seconds, work, (computing, invocations, originals, *requested))


def _workload(
    images: int, function: FunctionSettings, seconds: float, of_one: Requests, variants: int, limits: AccountLimits
) -> Workload:
    return Workload(
        images,
        function.batch,
        seconds * function.batch,
        function.concurrency,
        writes=of_one.writes,
        puts=(of_one.puts + of_one.refused) / variants,
        reads=of_one.gets + of_one.heads - of_one.refused,  # after each refusal a variant is looked at
        limits=limits,
    )


def processing_lines(
    images: int, function: FunctionSettings, seconds: float, requests: Requests, sends: float
) -> list[BillLine]:
    """What the consumer costs with this many images of so many seconds each, all of whose requests are given.

    Args:
        sends: requests by which their messages came to the queue.
    """
    batches = images / function.batch
    return [
        BillLine("Lambda", "GB-s", images * seconds * function.memory / 1024, GB_SECOND[function.architecture]),
        BillLine("Lambda", "invocations", batches, INVOCATION),
        BillLine("S3", "PUT of variants", requests.puts, S3_WRITE),
        BillLine("S3", "PUT refused", requests.refused, S3_WRITE),
        BillLine("S3", "GET", requests.gets, S3_READ),
        BillLine("S3", "HEAD", requests.heads, S3_READ),
        BillLine("SQS", "requests", sends + 2 * batches, SQS_REQUEST),  # sent, received, deleted
        BillLine("DynamoDB", "write units", requests.writes, TABLE_WRITE),
        BillLine("CloudWatch", "GB of logs", images * LOG_BYTES / GB, LOG_GB),
    ]
