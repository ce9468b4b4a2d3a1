"""The seconds of one invocation: CPU, and the waits for S3 and DynamoDB that overlap with it.

The threads of a batch wait beside each other and share the CPU, so only the first image's head (claim, GET) and the
last one's tail (PUTs, HEAD, record) overlap with nothing::

    thread 1   claim GET |render| PUT PUT PUT HEAD record
    thread 2   claim GET ........|render| PUT PUT PUT HEAD record
    thread 3   claim GET ................|render| PUT PUT PUT HEAD record
    CPU        idle      |######|########|######| idle

With ``n`` images, ``w`` seconds that one of them waits, ``c`` that its CPU takes alone, ``s`` by which images follow
each other on a busy CPU, ``t`` threads, and ``m`` images in the last of ``r`` rounds::

    seconds  =  max(w + c + (n - 1) x s,        the CPU is busy between the first head and the last tail
                    r x (w + c) + (m - 1) x s)  the CPU is not: each thread waits for its own requests
    r        =  n / t, rounded up
    c        =  (rendering + requesting) / min(1, vCPUs)
    s        =  the longest of rendering / renderers / min(1, vCPUs); requesting / min(1, vCPUs), in one process that
                runs one thread at a time; (rendering + requesting) / vCPUs

Both are exact where all images are alike and the CPU serves them in turn. `tests/ops/cli/costs/batch_simulation.py`
simulates a batch event by event with a CPU that is shared, and agrees within a tenth from 1,024 to 3,008 MB at 20
to 50 ms. The formula is up to a sixth too low where the threads are just enough, as with 512 MB or 100 ms, and with
four vCPUs, where consumer and renderers are as busy as each other. `python -m bench.estimate` measures batches.
"""

import math
from dataclasses import astuple, dataclass, field
from typing import Final

from ops.cli.costs.cpu import rendering, requesting
from ops.cli.costs.requests import Requests
from ops.cli.prices import Architecture
from processing.sandbox.capacity import VCPU, Capacity, capacity

S3_SECONDS: Final = 0.05  # to the first byte of an answer of S3; assumed, for nothing here has run on AWS yet
TABLE_SHARE: Final = 10
"""S3's seconds by DynamoDB's, which answers within single-digit milliseconds:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html"""
BYTES_A_SECOND: Final = 85e6
"""Of one request to S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html"""
TABLE_REQUESTS: Final = 2  # of an image: its claim and its record
VARIANTS_AT_ONCE: Final = 4  # of one image, for which requests are sent side by side


@dataclass(frozen=True, slots=True)
class Latency:
    """What a function waits for: seconds to the first byte of S3's answers, and bytes a second of one request."""

    s3: float = S3_SECONDS
    bytes_a_second: float = BYTES_A_SECOND

    def waits(self, requests: Requests, moved: float, *, variants: int) -> float:
        """Seconds that one image waits: its requests follow each other, but those for several variants.

        Args:
            requests: of one image.
            moved: bytes of the original and its variants.
            variants: of an image.
        """
        of_original = requests.gets + min(requests.gets, requests.heads)  # it is fetched, and looked at in the end
        of_variants = requests.puts + requests.refused + requests.heads - min(requests.gets, requests.heads)
        in_turn = of_original + of_variants * math.ceil(variants / VARIANTS_AT_ONCE) / variants
        return (in_turn + TABLE_REQUESTS / TABLE_SHARE) * self.s3 + moved / self.bytes_a_second


@dataclass(frozen=True, slots=True)
class ImageSeconds:
    """Seconds of one image: CPU of its rendering, CPU of the consumer beside it, and waits."""

    rendering: float = 0.0
    requesting: float = 0.0
    waiting: float = 0.0

    def __add__(self, other: "ImageSeconds") -> "ImageSeconds":
        return ImageSeconds(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, images: float) -> "ImageSeconds":
        return ImageSeconds(*(images * each for each in astuple(self)))

    @property
    def cpu(self) -> float:
        """All of its CPU."""
        return self.rendering + self.requesting


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """The consumer, as far as its costs go; ``batch`` is the images of an invocation."""

    memory: int = VCPU
    architecture: Architecture = "x86_64"
    concurrency: int = 10
    batch: int = 10
    latency: Latency = field(default=Latency())

    @property
    def vcpus(self) -> float:
        return self.memory / VCPU

    @property
    def capacity(self) -> Capacity:
        """Its threads and renderers."""
        return capacity(self.memory)

    @property
    def rounds(self) -> int:
        """How often each thread waits for AWS in a batch."""
        return math.ceil(self.batch / self.capacity.threads)

    def bounds(self, image: ImageSeconds) -> tuple[float, float]:
        """The seconds of a batch of such images whose CPU is busy, and of one whose threads wait: see above."""
        core = min(1.0, self.vcpus)
        alone = image.waiting + image.cpu / core
        by_renderers = image.rendering / self.capacity.renderers / core
        apart = max(by_renderers, image.requesting / core, image.cpu / self.vcpus)
        in_last = self.batch - (self.rounds - 1) * self.capacity.threads
        return alone + (self.batch - 1) * apart, self.rounds * alone + (in_last - 1) * apart

    def batch_seconds(self, image: ImageSeconds) -> float:
        """The seconds of an invocation whose batch is full of such images."""
        return max(self.bounds(image))

    def billed_seconds(self, image: ImageSeconds) -> float:
        """What one such image adds to the bill."""
        return self.batch_seconds(image) / self.batch


def image_seconds(
    function: FunctionSettings,
    requests: Requests,
    *,
    variants: int,
    megapixels: float = 0.0,
    original_bytes: float = 0.0,
    variant_bytes: float = 0.0,
    encoding: float = 0.0,
) -> ImageSeconds:
    """What one image takes of a function.

    Args:
        requests: of this image, or of one on average; an image without PUTs is not rendered.
        original_bytes: 0 where it is not fetched.
        variant_bytes: of all its variants.
        encoding: CPU milliseconds for its variants beyond those of the three that were measured.
    """
    render = rendering(megapixels, original_bytes, function.architecture) + encoding if requests.puts else 0.0
    waits = function.latency.waits(requests, original_bytes + variant_bytes, variants=variants)
    return ImageSeconds(max(0.0, render) / 1000, requesting(original_bytes) / 1000, waits)
