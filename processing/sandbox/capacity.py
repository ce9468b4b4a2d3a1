"""What a function has room for: threads, renderers, bodies and pixels by its memory, tries by its timeout. Pure."""

import math
from dataclasses import dataclass
from typing import Final

VCPU: Final = 1769  # megabytes: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
THREADS: Final = 10  # a vCPU: an image of 200 KB is rendered in a tenth of the time its requests take
USED: Final = 0.8  # of the memory: the rest is for what is measured nowhere
CONSUMER: Final = 100  # megabytes of the consumer itself: interpreter, clients, threads
RENDERER: Final = 60  # of a keeper and its renderer, and the two files between them and the consumer
KEPT: Final = (
    0.145  # of the memory a vCPU comes with, for what a renderer keeps from one image to the next: its heap ...
)
MOST_KEPT: Final = 256  # ... which takes 139 megabytes after 12 MP JPEGs, and 280 after a 12 MP WebP
BODIES: Final = 0.25  # of what is left, for what was fetched and is waiting; the rest is for rendering
COPIES: Final = 2  # of a body: the consumer's and the renderer's
LEAST: Final = 64  # megabytes for both, in the smallest functions
MEGABYTE: Final = 1 << 20
REST: Final = 40.0  # seconds of an invocation beside its tries: the two below, and five to begin
RESERVE: Final = 25.0  # after a try: to publish, with one request that hangs to its bound (21), and to hand back
SLOW: Final = 10.0  # that requests may add between the tries
LONGEST_TIMEOUT: Final = 900  # seconds; Lambda's own
ANIMATION: Final = 0.2  # seconds of a vCPU for a megapixel of animation: 0.04 to 0.19 by format (docs/benchmarks.md)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Numbers of threads and renderers; megabytes for all bodies, for all renderings at once, and that each renderer
    may keep."""

    threads: int
    renderers: int
    bodies: float
    rendering: float
    kept: float

    @property
    def largest_body(self) -> int:
        """The bytes of the largest body there is room for."""
        return int(self.bodies * MEGABYTE / COPIES)


def capacity(memory: float) -> Capacity:
    """What fits into so many megabytes of memory."""
    cpus = memory / VCPU
    renderers = max(1, round(cpus))
    kept = min(MOST_KEPT, KEPT * memory / renderers)
    left = max(USED * memory - CONSUMER - renderers * (RENDERER + kept), LEAST)
    return Capacity(
        threads=max(2, round(THREADS * cpus)),
        renderers=renderers,
        bodies=BODIES * left,
        rendering=(1 - BODIES) * left,
        kept=kept,
    )


def at_once(room: Capacity, rendering: str) -> int:
    """How many images are rendered at once, with this value of the parameter ``rendering``."""
    return 1 if rendering == "in-process" else room.renderers


def rounds(tries: int, alone: int, renderers: int) -> int:
    """How many tries follow one another: those side by side, and those with nothing beside them.

    A try that is to be alone waits until the tries beside it have ended.
    """
    return math.ceil(tries / renderers) + alone * (1 if renderers == 1 else 2)


def shortest_timeout(memory: float, *, batch_size: int, try_seconds: float, rendering: str = "sandbox") -> int:
    """The seconds in which each message of a batch can have one try at its image, and one of them a second, alone."""
    tries = rounds(batch_size, 1, at_once(capacity(memory), rendering))
    return math.ceil(tries * try_seconds + REST)


def animation_seconds(memory: float, pixels: float) -> float:
    """What an animation of so many pixels in all takes to render."""
    cpus = memory / VCPU / capacity(memory).renderers
    return ANIMATION * pixels / 1e6 / min(1.0, cpus)
