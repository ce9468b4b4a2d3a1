"""What images cost on AWS, and how long they take: what was measured of the engine, and one formula. Pure.

::

    billed seconds of a batch  =  batch x CPU seconds / vCPUs  +  rounds x WAIT
    vCPUs                      =  memory / 1,769 MB
    rounds                     =  batch / threads, rounded up; ten threads a vCPU
    hours                      =  images x billed seconds of one / concurrency / 3,600

The CPU is measured (docs/benchmarks.md), on a shared x86-64 machine and not on Lambda; the wait for S3 and DynamoDB is
assumed. Whoever has measured the billed seconds of an image gives them to `bill`, and needs no formula. `prices` has
the list prices, `switches` what a stage's parameters add. Data that leaves the region, retries and the free tier are
left out.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Final

from ops.cli.prices import (
    GB,
    GB_SECOND,
    INVOCATION,
    LOG_GB,
    S3_READ,
    S3_WRITE,
    SQS_REQUEST,
    TABLE_WRITE,
    Architecture,
)
from processing.sandbox.capacity import VCPU, capacity

MEASURED: Final = "2026-11-21"
CPU: Final = ((0.25, 7.0), (0.5, 8.0), (1.0, 22.0), (2.0, 34.0), (12.0, 86.0), (24.0, 96.0), (48.0, 147.0))
"""Megapixels of a JPEG, and the CPU milliseconds of its three variants: `python -m bench.engine` from 2 megapixels on,
and the medians of nine renderings of one photo scaled down below."""
WITHOUT_SIMD: Final = 3.0  # times the CPU where the resizer is Pillow's own, as on arm64: 1.9 at 0.25 MP, 3.2 at 12
# CPU milliseconds beyond rendering, in bench.pipeline: 15 for 200 KB, 27 for the 3 MB of 12 megapixels
REQUESTS: Final = 14.0  # an image's seven requests, its story and its log
BODY: Final = 1.1  # for each megapixel, as cameras write them: its bytes are read, checked and handed over
WAIT: Final = 0.25  # seconds an image waits for AWS in all; assumed, for nothing here has run on AWS yet
BYTES_A_PIXEL: Final = 0.3  # of a camera's JPEG; where only the size of a file is known
LOG_BYTES: Final = 600  # one line of JSON an image

MOST_ENTRIES: Final = 10  # in one SendMessageBatch
TABLE_WRITES_A_SECOND: Final = 4000  # write units of a new on-demand table


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """The consumer, as far as its costs go; ``batch`` is the images of an invocation."""

    memory: int = VCPU
    architecture: Architecture = "x86_64"
    concurrency: int = 10
    batch: int = 10

    @property
    def vcpus(self) -> float:
        return self.memory / VCPU

    @property
    def rounds(self) -> int:
        """How often a batch waits for AWS, when as many images as there are threads wait at once."""
        return math.ceil(self.batch / capacity(self.memory).threads)

    def billed_seconds(self, cpu: float) -> float:
        """What one image adds to the bill, when its batch is full of images of so many CPU milliseconds."""
        return (self.batch * cpu / 1000 / self.vcpus + self.rounds * WAIT) / self.batch


@dataclass(frozen=True, slots=True)
class Requests:
    """What images request of S3 and DynamoDB, as `tests/handlers/test_requests.py` counts it for one image.

    Args:
        puts: of variants, answered with success.
        refused: PUTs of variants beside them that find another version there. S3 charges them like the others.
        heads: of variants and of originals.
        writes: write units of the images table: one for each KB, begun or full, of an item that is written.
    """

    gets: float = 0
    puts: float = 0
    refused: float = 0
    heads: float = 0
    writes: float = 0

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, images: float) -> "Requests":
        return Requests(*(images * each for each in astuple(self)))


# ``units``: the write units of a finished item, see `item_size`. A claim of a version that has none takes one.


def first_upload(variants: int, *, units: int = 1) -> Requests:
    """An image whose key is new."""
    return Requests(gets=1, puts=variants, heads=1, writes=1 + units)


def overwrite(variants: int, *, units: int = 1) -> Requests:
    """Another version under a key that has variants: each PUT is refused once, then sent over what a HEAD shows."""
    return Requests(gets=1, puts=variants, refused=variants, heads=2 * variants + 1, writes=1 + units)


def repeated(variants: int, *, units: int = 1) -> Requests:
    """A version that is done with every variant of the recipe: the refused claim is charged by the item's size."""
    return Requests(heads=variants, writes=units)


def rebuilt(variants: int, *, known: int, done: bool, units: int = 1) -> Requests:
    """A version that was processed before.

    Args:
        variants: to make.
        known: variants that the record has.
        done: whether the record is DONE, which costs a refused claim.
    """
    claims = 2 * units if done else units if known else 1
    return Requests(gets=1, puts=variants, heads=known + 1, writes=claims + units)


def removed(variants: int) -> Requests:
    """A removal: the object is looked for before and after its variants are; deleting costs nothing."""
    return Requests(heads=variants + 2, writes=2)


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
    """

    images: int
    made: int
    seconds: float
    hours: float
    lines: tuple[BillLine, ...]

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


def cpu_of(megapixels: float, architecture: Architecture = "x86_64") -> float:
    """CPU milliseconds of an image, its requests among them; a straight line between what was measured."""
    sizes = [size for size, _ in CPU]
    at = min(max(bisect_left(sizes, megapixels), 1), len(CPU) - 1)
    (small, less), (large, more) = CPU[at - 1], CPU[at]
    drawn = less + (megapixels - small) * (more - less) / (large - small)
    rendering = max(drawn, CPU[0][1])  # a picture of nothing still has a header and three files
    return beyond_rendering(megapixels) + rendering * (1 if architecture == "x86_64" else WITHOUT_SIMD)


def beyond_rendering(megapixels: float) -> float:
    """CPU milliseconds of an image that are not its rendering."""
    return REQUESTS + BODY * megapixels


def megapixels_of(size: int) -> float:
    """How large the picture in a file of so many bytes is, as cameras write them."""
    return size / BYTES_A_PIXEL / 1e6


def bill_of_backfill(files: Iterable[tuple[int, Requests]], function: FunctionSettings) -> Bill:
    """What a backfill costs; the files are taken one by one and not kept.

    Args:
        files: the size of each in bytes, and its requests. One variant is taken to need as much CPU as all of them:
            decoding is most of it.
    """
    images, made, cpu, requests = 0, 0, 0.0, Requests()
    for size, its in files:
        images += 1
        made += its.puts > 0
        requests += its
        cpu += cpu_of(megapixels_of(size), function.architecture) if its.puts else REQUESTS
    seconds = function.billed_seconds(cpu / images) if images else 0.0
    return replace(bill(images, function, seconds=seconds, requests=requests, uploads=False), made=made)


def bill(images: int, function: FunctionSettings, *, seconds: float, requests: Requests, uploads: bool) -> Bill:
    """What images of so many billed seconds each cost.

    Args:
        requests: of all of them.
        uploads: whether they are still to be uploaded; a backfill's are there.
    """
    sends = images if uploads else images / MOST_ENTRIES  # S3 sends each alone, a backfill ten at a time
    computing, invocations, *requested = processing_lines(images, function, seconds, requests, sends)
    originals = BillLine("S3", "PUT of originals", images if uploads else 0, S3_WRITE)
    hours = max(images * seconds / function.concurrency, requests.writes / TABLE_WRITES_A_SECOND) / 3600
    return Bill(images, images, seconds, hours, (computing, invocations, originals, *requested))


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
