"""The tables show the figures, and mark those that fall short of a bound."""

from typing import Any

import pytest

from bench.pipeline import growth, report


def run(seconds: float, cpu: float) -> dict[str, Any]:
    return {"wall": seconds, "cpu": cpu, "logged": 3000, "megabytes": 100.0, "requests": {"S3 PutObject": 30}}


def a_round(*, ours: float = 1.0, usual: float = 4.0, cpu: float = 0.5, engine: float = 0.4) -> report.Round:
    """One round of batches of ten; all figures in seconds."""
    return {
        "darkroom": run(ours, cpu),
        "usual": run(usual, cpu),
        "naive": run(usual, cpu),
        "engine": run(engine, engine),
    }


def text(*rounds: report.Round, beside: str | None = None) -> str:
    about = {"date": "today", "cores": 2, "cpu": "a CPU", "load": 0.1, "versions": {}}
    cells = {"small": {"50": list(rounds)}}
    return report.text({"before": about, "after": about, "cells": cells, "growth": {}, "beside": beside})


def test_overhead_is_the_difference_within_a_round_so_that_a_slow_machine_does_not_count() -> None:
    rounds = [a_round(cpu=0.5, engine=0.4), a_round(cpu=1.0, engine=0.9), a_round(cpu=0.6, engine=0.5)]

    assert report.beyond(rounds, "darkroom") == pytest.approx(10)


def test_a_batch_of_ten_in_a_second_is_ten_images_a_second() -> None:
    assert report.speed([a_round(ours=1.0)], "darkroom") == 10


def test_requests_are_counted_by_image() -> None:
    assert report.requests([a_round(), a_round()], "usual") == {"S3 PutObject": 3}


def test_a_figure_that_meets_its_bound_is_not_marked() -> None:
    assert "falls short" not in text(a_round(ours=1.0, usual=3.1, cpu=0.5, engine=0.4))


@pytest.mark.parametrize("short", [a_round(ours=1.0, usual=2.9), a_round(cpu=0.53, engine=0.4)])
def test_a_figure_that_falls_short_of_its_bound_is_marked(short: report.Round) -> None:
    assert text(short).count("falls short") == 1


def test_growth_is_read_around_each_count() -> None:
    batches = [[float(number), 0.0, 0.0] for number in range(1000)]
    found = growth.at_counts(batches)

    assert [(count, group[0][0], group[-1][0]) for count, group in found.items()] == [
        (100, 0.0, 9.0),
        (1_000, 90.0, 99.0),
        (10_000, 900.0, 999.0),
    ]


def test_the_code_of_another_commit_has_its_own_columns() -> None:
    found = text(a_round(ours=1.0) | {"beside": run(2.0, 0.6)}, beside="b5357e6")

    assert "| small, 50 ms | 10.0 | 5.0 | 10.0 | 20.0 |" in found
