"""What a function has room for by its memory and its timeout, and the budgets of memory and time that threads share."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from processing.errors import ImageTooLarge, NotStarted

VCPU: Final = 1769  # megabytes: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
THREADS_PER_VCPU: Final = 10  # an image of 200 KB is rendered in a tenth of the time its requests take
USABLE: Final = 0.8  # of the memory: the rest is a margin for everything that is not measured
CONSUMER_MEGABYTES: Final = 100  # of the consumer itself: interpreter, clients, threads
RENDERER_MEGABYTES: Final = 60  # of a fork server and its renderer, and the two files that the consumer shares with it
# A renderer keeps its heap from one image to the next: 139 megabytes after 12 MP JPEGs, 280 after a 12 MP WebP
KEPT_SHARE: Final = 0.145  # of the memory of a vCPU
MAX_KEPT: Final = 256
BODIES_SHARE: Final = 0.25  # of the remaining memory, for fetched bodies that wait; the rest is for rendering
COPIES: Final = 2  # of a body: the consumer's and the renderer's
MIN_SHARED: Final = 64  # megabytes for both, in the smallest functions
MEGABYTE: Final = 1 << 20
REST: Final = 40.0  # seconds of an invocation beside its tries: the two below, and five to begin
RESERVE: Final = 25.0  # after a try: to publish, with one request that takes its maximum (21), and to return
SLOW: Final = 10.0  # that requests may add between the tries
LONGEST_TIMEOUT: Final = 900  # seconds; Lambda's own
ANIMATION_SECONDS: Final = 0.2  # of a vCPU, for a megapixel of animation: 0.04 to 0.19 by format (docs/benchmarks.md)
USUAL_TIMEOUT: Final = 250.0  # seconds; a function with a shorter timeout has a shorter reserve, or could not begin


@dataclass(frozen=True, slots=True)
class Capacity:
    """Threads and renderers; megabytes for all bodies, for all rendering at once, and kept by each renderer."""

    threads: int
    renderers: int
    bodies: float
    rendering: float
    kept: float

    @property
    def largest_body(self) -> int:
        """The bytes of the largest body that fits."""
        return int(self.bodies * MEGABYTE / COPIES)


def capacity(memory: float, cpus: float | None = None) -> Capacity:
    """The capacity of a function with ``memory`` megabytes, or of a container, whose CPUs do not follow its memory."""
    cpus = memory / VCPU if cpus is None else cpus
    renderers = max(1, round(cpus))
    kept = min(MAX_KEPT, KEPT_SHARE * memory / renderers)
    left = max(USABLE * memory - CONSUMER_MEGABYTES - renderers * (RENDERER_MEGABYTES + kept), MIN_SHARED)
    return Capacity(
        threads=max(2, round(THREADS_PER_VCPU * cpus)),
        renderers=renderers,
        bodies=BODIES_SHARE * left,
        rendering=(1 - BODIES_SHARE) * left,
        kept=kept,
    )


def at_once(room: Capacity, rendering: str) -> int:
    """How many images are rendered at once, with this value of the parameter ``rendering``."""
    return 1 if rendering == "in-process" else room.renderers


def rounds(tries: int, alone: int, renderers: int) -> int:
    """How many tries follow one another: those that run in parallel, and those that must run alone.

    A try that must run alone waits until the tries beside it have ended.
    """
    return math.ceil(tries / renderers) + alone * (1 if renderers == 1 else 2)


def shortest_timeout(
    memory: float, *, batch_size: int, try_seconds: float, rendering: str = "sandbox", cpus: float | None = None
) -> int:
    """The seconds in which each message of a batch can have one try at its image, and one of them a second, alone."""
    tries = rounds(batch_size, 1, at_once(capacity(memory, cpus), rendering))
    return math.ceil(tries * try_seconds + REST)


def animation_seconds(memory: float, pixels: float) -> float:
    """The seconds that an animation with ``pixels`` pixels in all its frames takes to render."""
    cpus = memory / VCPU / capacity(memory).renderers
    return ANIMATION_SECONDS * pixels / 1e6 / min(1.0, cpus)


class MemoryBudget:
    """Memory shared by threads: a thread that needs more than is free waits, first come, first served."""

    def __init__(self, megabytes: float) -> None:
        self.megabytes = megabytes
        self._free = megabytes
        self._queue: deque[object] = deque()  # first in, first out, so that a large image does not wait forever
        self._changed = threading.Condition()

    @property
    def free(self) -> float:
        """Megabytes that are not reserved."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many threads wait for memory."""
        return len(self._queue)

    def check(self, megabytes: float) -> None:
        """Raises ImageTooLarge when an image does not fit, even alone: before it is decoded."""
        if megabytes > self.megabytes:
            raise ImageTooLarge.above(
                f"rendering takes up to {megabytes:,.0f} MB",
                f"{self.megabytes:,.0f} MB, of the function's own",
                "the parameter memory",
            )

    @contextmanager
    def reserve(self, megabytes: float) -> Iterator[float]:
        """Reserve memory, waiting until it is free; yields the megabytes reserved, at most all of the budget."""
        reserved = min(megabytes, self.megabytes)
        turn = object()
        with self._changed:
            self._queue.append(turn)
            try:
                self._changed.wait_for(lambda: self._queue[0] is turn and reserved <= self._free)
                self._free -= reserved
            finally:
                self._queue.remove(turn)
                self._changed.notify_all()
        try:
            yield reserved
        finally:
            with self._changed:
                self._free += reserved
                self._changed.notify_all()


class FetchBudget:
    """The memory for the bodies of objects while they are processed; threads share it.

    Args:
        largest: bytes of the largest body that is ever fetched.
    """

    def __init__(self, capacity: Capacity, largest: int) -> None:
        self._largest = largest
        self._memory = MemoryBudget(capacity.bodies)

    @contextmanager
    def reserve(self, size: int | None) -> Iterator[None]:
        """Reserve memory for an object of ``size`` bytes, None when the size is unknown; waits until it is free."""
        reserved = self._largest if size is None else min(self._largest, size)
        with self._memory.reserve(COPIES * reserved / MEGABYTE):
            yield


class TimeBudget:
    """The time of an invocation; threads share it.

    Packaging refuses a timeout without room for one try of each message of a batch and a second one of one of them
    (`shortest_timeout`). Second tries take what is left, first come, first served: with time set aside for those that
    wait, more images died, and a backlog took up to four times as long (docs/decisions/006-receives.md)::

        begin                                                        the function's timeout
        |--try--|--try--|--again, alone--|--try--| ... |--try--|-------reserve-------|

    Args:
        try_seconds: the longest a try may take.
        function_timeout: the function's, in seconds.
        without_requests: seconds before an invocation's end in which no request is sent.
    """

    def __init__(
        self, try_seconds: float, *, function_timeout: float = math.inf, without_requests: float = 0.0
    ) -> None:
        self.try_seconds = try_seconds
        scale = min(1.0, function_timeout / USUAL_TIMEOUT)
        self._reserve = without_requests + scale * (RESERVE - without_requests)
        self._seconds_left: Callable[[], float] = lambda: math.inf

    def begin(self, seconds_left: Callable[[], float]) -> None:
        """Start an invocation."""
        self._seconds_left = seconds_left

    def check(self, seconds: float | None = None) -> None:
        """Check that there is time for work that may take ``seconds``, by default a whole try.

        Raises:
            NotStarted: too little time would be left to publish its result.
        """
        needed = self.try_seconds if seconds is None else seconds
        left = self._seconds_left()
        if left < needed + self._reserve:
            raise NotStarted(f"{left:.1f} s are left; {needed:.1f} s are needed, and {self._reserve:.1f} s to publish")
