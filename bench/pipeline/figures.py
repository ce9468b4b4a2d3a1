"""What is read off the rounds of a class at one latency: speeds, memory, ratios and costs. Pure.

A round has the runs of all consumers, each under its name and its batch size (`named`).
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.pipeline.cost import Cost, cost, gb_seconds
from bench.pipeline.measure import ENGINE, MEMORY
from bench.runner import Ratio, ratio

Round = dict[str, dict[str, Any]]


def named(way: str, batch: int) -> str:
    """Return the name of a consumer with batches of this size."""
    return f"{way} {batch}"


def seconds(rounds: Sequence[Round], name: str) -> list[float]:
    """Return the seconds an image, round by round."""
    return [each[name]["wall"] / each[name]["images"] for each in rounds]


def speed(rounds: Sequence[Round], name: str) -> float:
    """Return the images a second of the median batch."""
    return 1 / statistics.median(seconds(rounds, name))


def speed_ratio(rounds: Sequence[Round], name: str, other: str) -> Ratio:
    """Return the images a second of one consumer by those of another."""
    return ratio(seconds(rounds, other), seconds(rounds, name))


def time_ratio(rounds: Sequence[Round], name: str, other: str) -> Ratio:
    """Return the GB-seconds of one consumer by those of another, whose memory is the same."""
    return ratio(seconds(rounds, name), seconds(rounds, other))


def cpu(rounds: Sequence[Round], name: str) -> float:
    """Return the CPU milliseconds an image, of all processes."""
    return statistics.median(_cpu(each[name]) for each in rounds)


def beyond(rounds: Sequence[Round], name: str) -> float:
    """Return the CPU milliseconds an image beyond those of the engine alone, in the same round."""
    engine = next(each for each in rounds[0] if each.startswith(ENGINE))
    return statistics.median(_cpu(each[name]) - _cpu(each[engine]) for each in rounds)


def _cpu(run: dict[str, Any]) -> float:
    return float(run["cpu"] * 1000 / run["images"])


def billed(rounds: Sequence[Round], name: str) -> float:
    """Return the GB-seconds of a million images."""
    return gb_seconds(**_median_batch(rounds, name))


def cost_of(rounds: Sequence[Round], name: str) -> Cost:
    """Return the dollars of a million images."""
    logged = statistics.median(each[name]["logged"] / each[name]["images"] for each in rounds)
    return cost(**_median_batch(rounds, name), requests=requests(rounds, name), logged=logged)


def _median_batch(rounds: Sequence[Round], name: str) -> dict[str, Any]:
    wall = statistics.median(each[name]["wall"] for each in rounds)
    return {"batch_seconds": wall, "batch": rounds[0][name]["images"], "memory": MEMORY}


def requests(rounds: Sequence[Round], name: str) -> dict[str, float]:
    """Return the requests an image, by service and operation."""
    total: Counter[str] = Counter()
    for each in rounds:
        total.update(each[name]["requests"])
    images = sum(each[name]["images"] for each in rounds)
    return {operation: count / images for operation, count in sorted(total.items())}
