"""Measured child processes: in each round every one of them runs once, and medians over the rounds are compared."""

import json
import random
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import yaml

PROJECT = Path(__file__).resolve().parents[1]
RESAMPLES = 2_000
Figures = TypeVar("Figures")


class Child:
    """A child process that answers each JSON line on stdin with one on stdout; the end of the context ends it."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path = PROJECT) -> None:
        self._name = name
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Self:
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._process.__exit__(kind, value, at)  # closes the pipes, which ends the child, and waits for it

    def request(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Send one question and return its answer.

        Raises:
            RuntimeError: the child ended instead.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._name} ended; its stderr has the cause")
        answer: dict[str, Any] = json.loads(line)
        return answer


def interleave(ways: Mapping[str, Callable[[], Figures]], rounds: int) -> Iterator[dict[str, Figures]]:
    """Yield the figures of every way, round by round.

    Each round starts with another way, so that no way always runs after the same one. One more round comes first: it
    warms up (imports, connections, caches, memory) and is not yielded.
    """
    names = list(ways)
    for turn in range(-1, rounds):
        first = turn % len(names)
        figures = {name: ways[name]() for name in (*names[first:], *names[:first])}
        if turn >= 0:
            yield figures


def median(
    rounds: Sequence[Mapping[str, Mapping[str, Any]]], way: str, figure: str, *, against: str | None = None
) -> float:
    """Return the median of a figure of one way; with ``against``, of its difference to that way in the same round."""
    return float(statistics.median(each[way][figure] - (each[against][figure] if against else 0) for each in rounds))


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians, and the interval in which it lies with a probability of 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(ones: Sequence[float], others: Sequence[float]) -> Ratio:
    """Return the ratio of the medians of two figures of the same rounds; the interval is by bootstrap over the rounds.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: the percentile interval.
    """
    pairs = list(zip(ones, others, strict=True))
    rng = random.Random(0)  # so that a report says the same twice
    found = sorted(_ratio_of(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return Ratio(_ratio_of(pairs), found[RESAMPLES // 40], found[-RESAMPLES // 40 - 1])


def _ratio_of(pairs: Sequence[tuple[float, float]]) -> float:
    one, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return float(one / other)


def malloc_settings() -> dict[str, str]:
    """Return the consumer's MALLOC_* variables from serverless.yml; every measured process runs with them."""
    service = yaml.safe_load((PROJECT / "serverless.yml").read_text(encoding="utf-8"))
    variables = service["functions"][0]["consumer"]["environment"]
    return {name: str(value) for name, value in variables.items() if name.startswith("MALLOC_")}
