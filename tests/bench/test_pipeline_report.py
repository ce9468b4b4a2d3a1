"""The tables show the figures, and mark those that fall short of a bound."""

from typing import Any

import pytest

from bench.pipeline import figures, growth, report
from bench.pipeline.figures import Round, named

BATCH = 10


def run(seconds: float, cpu: float) -> dict[str, Any]:
    requests = {"S3 PutObject": 30}
    return {"wall": seconds, "cpu": cpu, "logged": 3000, "megabytes": 100.0, "requests": requests, "images": BATCH}


def a_round(
    *, ours: float = 1.0, usual: float = 4.0, threads: float = 1.2, cpu: float = 0.5, engine: float = 0.4
) -> Round:
    """One round of batches of ten; all figures in seconds."""
    runs = {
        "darkroom": run(ours, cpu),
        "usual": run(usual, cpu),
        "naive": run(usual, cpu),
        "threads": run(threads, cpu),
        "engine": run(engine, engine),
    }
    return {named(way, BATCH): each for way, each in runs.items()}


def peaks(ours: float) -> dict[str, float]:
    return {named(way, BATCH): 500.0 for way in ("usual", "naive", "threads")} | {named("darkroom", BATCH): ours}


def text(*rounds: Round, ours_mb: float = 140.0, beside: str | None = None, kind: str = "small") -> str:
    about = {"date": "today", "commit": "a", "cores": 2, "cpu": "a CPU", "virtual": True, "load": 0.1, "versions": {}}
    return report.text(
        {
            "before": about,
            "after": about,
            "batches": [BATCH],
            "deployed": BATCH,
            "cells": {kind: {"50": list(rounds)}},
            "peaks": {kind: peaks(ours_mb)},
            "growth": {},
            "beside": beside,
        }
    )


def test_overhead_is_the_difference_within_a_round_so_that_a_slow_machine_does_not_count() -> None:
    rounds = [a_round(cpu=0.5, engine=0.4), a_round(cpu=1.0, engine=0.9), a_round(cpu=0.6, engine=0.5)]

    assert figures.beyond(rounds, named("darkroom", BATCH)) == pytest.approx(10)


def test_a_batch_of_ten_in_a_second_is_ten_images_a_second() -> None:
    assert figures.speed([a_round(ours=1.0)], named("darkroom", BATCH)) == 10


def test_requests_are_counted_by_image() -> None:
    assert figures.requests([a_round(), a_round()], named("usual", BATCH)) == {"S3 PutObject": 3}


def test_figures_of_other_batch_sizes_are_compared_by_image() -> None:
    large = run(3.0, 1.0) | {"images": 50}
    rounds = [a_round(ours=1.0) | {named("darkroom", 50): large}]

    assert figures.time_ratio(rounds, named("darkroom", 50), named("darkroom", 10)).value == pytest.approx(0.6)
    assert figures.billed(rounds, named("darkroom", 50)) == pytest.approx(3.0 * 1769 / 1024 * 1e6 / 50)


def test_every_table_with_a_ratio_names_the_processor() -> None:
    found = text(a_round() | {named("beside", BATCH): run(2, 0.6)}, beside="x")
    ratios = [line for line in found.splitlines() if "| to " in line]

    assert len(ratios) == 3
    assert all("a CPU" in line for line in ratios)


def test_a_figure_that_meets_its_bound_is_not_marked() -> None:
    assert "falls short" not in text(a_round(ours=1.0, usual=3.1, threads=1.16, cpu=0.5, engine=0.4))


@pytest.mark.parametrize(
    "short",
    [a_round(ours=1.0, usual=2.9), a_round(ours=1.0, threads=1.14), a_round(cpu=0.53, engine=0.4)],
    ids=["usual", "threads", "overhead"],
)
def test_a_figure_that_falls_short_of_its_bound_is_marked(short: Round) -> None:
    assert text(short).count("falls short") == 1


def test_more_than_three_tenths_of_the_memory_of_ten_threads_is_marked() -> None:
    assert text(a_round(), ours_mb=151).count("0.30 (falls short)") == 1


def test_classes_without_a_bound_are_not_marked() -> None:
    assert "falls short" not in text(a_round(ours=9.0), ours_mb=499, kind="mixed")


def test_growth_is_read_around_each_count() -> None:
    batches = [[float(number), 0.0, 0.0] for number in range(1000)]
    found = growth.at_counts(batches)

    assert [(count, group[0][0], group[-1][0]) for count, group in found.items()] == [
        (100, 0.0, 9.0),
        (1_000, 90.0, 99.0),
        (10_000, 900.0, 999.0),
    ]


def test_the_code_of_another_commit_has_its_own_columns_and_its_bound() -> None:
    rounds = [a_round(ours=1.0) | {named("beside", BATCH): run(seconds, 0.6)} for seconds in (1.3, 1.3, 1.3)]
    found = text(*rounds, beside="b5357e6")

    assert (
        "| small, 50 ms, batches of 10 | 10.0 | 7.7 | 10.0 | 20.0 | 172,754 | 224,580 | 0.77 (0.77 to 0.77) |" in found
    )
    assert found.count("0.77 (0.77 to 0.77) (falls short)") == 1
