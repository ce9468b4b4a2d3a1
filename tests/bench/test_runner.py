"""Every way runs once a round, after a warm-up, and medians of differences leave out the noise between rounds."""

import os
import sys
from itertools import count

import pytest

from bench.runner import Child, interleave, median, ratio


def test_each_round_starts_with_another_way_after_one_round_that_does_not_count() -> None:
    order: list[str] = []
    runs = count()

    def run(way: str) -> int:
        order.append(way)
        return next(runs)

    rounds = list(interleave({"a": lambda: run("a"), "b": lambda: run("b")}, 2))

    assert order == ["b", "a", "a", "b", "b", "a"]
    assert rounds == [{"a": 2, "b": 3}, {"b": 4, "a": 5}]


def test_a_difference_is_taken_within_each_round() -> None:
    rounds = [{"a": {"cpu": base + extra}, "b": {"cpu": base}} for base, extra in ((10, 3), (50, 1), (20, 2))]

    assert median(rounds, "a", "cpu") == 22
    assert median(rounds, "a", "cpu", against="b") == 2


def test_a_ratio_is_of_medians_and_its_interval_is_of_the_pairs_of_each_round() -> None:
    slow_machine = [10.0, 50.0, 20.0, 30.0, 90.0]

    together = ratio([2 * each for each in slow_machine], slow_machine)
    apart = ratio([2.0, 2.0, 2.0, 2.0, 8.0], [1.0] * 5)

    assert (together.value, together.low, together.high) == (2, 2, 2)
    assert (apart.value, apart.low) == (2, 2)
    assert apart.high == 8
    assert str(apart) == "2.00 (2.00 to 8.00)"


def test_a_child_answers_each_question_and_ends_with_its_context() -> None:
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"

    with Child("echo", [sys.executable, "-c", echo], env=os.environ) as child:
        answers = [child.request({"number": number}) for number in range(2)]

    assert answers == [{"number": 0}, {"number": 1}]


def test_a_child_that_ends_early_is_an_error_with_its_name() -> None:
    with (
        Child("silent", [sys.executable, "-c", "input()"], env=os.environ) as child,
        pytest.raises(RuntimeError, match="silent"),
    ):
        child.request({})
