"""Ten thousand messages, ten at a time: what an image takes at the hundredth, the thousandth and the last of them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import BATCH, COMPARED, Consumer, Turns

COUNTS = (100, 1_000, 10_000)


def grow(doubles: Doubles, pictures: Mapping[str, bytes], folder: Path, messages: int) -> dict[str, list[list[float]]]:
    """Wall and CPU milliseconds an image, and megabytes, after every batch; each consumer in a fresh process.

    The pictures are tiny and nothing is slow, so that what grows with the number of messages shows.
    """
    found: dict[str, list[list[float]]] = {way: [] for way in COMPARED}
    with ExitStack() as stack:
        consumers = {way: stack.enter_context(Consumer(way, doubles, folder)) for way in COMPARED}
        turns = Turns(consumers, doubles, pictures)
        turns.warm("tiny")
        for turn in range(messages // BATCH):
            for way, run in turns.round("tiny", 0.0, turn=turn).items():
                found[way].append([run.wall * 1000 / BATCH, run.cpu * 1000 / BATCH, run.megabytes])
    return found


def at_counts(batches: Sequence[Sequence[float]]) -> dict[int, Sequence[Sequence[float]]]:
    """The last tenth of the batches up to each count, and ten batches at least."""
    return {
        count: batches[: count // BATCH][-max(10, count // BATCH // 10) :]
        for count in COUNTS
        if count <= BATCH * len(batches)
    }
