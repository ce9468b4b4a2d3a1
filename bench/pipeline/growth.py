"""Time and memory against the number of processed messages: does an image cost more after thousands of others?"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import BATCH, CONSUMERS, Batches, Consumer

COUNTS = (100, 1_000, 10_000)


def grow(
    doubles: Doubles,
    pictures: Mapping[str, bytes],
    folder: Path,
    messages: int,
    *,
    kind: str = "tiny",
    ways: Sequence[str] = CONSUMERS,
) -> dict[str, list[list[float]]]:
    """Return wall and CPU milliseconds an image, and megabytes, after every batch; each consumer in a new process.

    The images are tiny by default and S3 answers at once, so that growth with the number of messages shows.
    """
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    with ExitStack() as stack:
        consumers = {way: stack.enter_context(Consumer(way, doubles, folder)) for way in ways}
        batches = Batches(consumers, doubles, pictures)
        for runs in batches.rounds(kind, latency=0.0, count=messages // BATCH):
            for way, run in runs.items():
                found[way].append([run.wall * 1000 / BATCH, run.cpu * 1000 / BATCH, run.megabytes])
    return found


def at_counts(batches: Sequence[Sequence[float]]) -> dict[int, Sequence[Sequence[float]]]:
    """Return the last tenth of the batches up to each count, at least ten batches."""
    return {
        count: batches[: count // BATCH][-max(10, count // BATCH // 10) :]
        for count in COUNTS
        if count <= BATCH * len(batches)
    }
