"""The estimate is calibrated on one class, and compared with the measurement of each."""

from dataclasses import asdict, replace

import pytest

from bench.estimate import LATENCY, Cell, calibrated, report
from bench.pipeline.cost import gb_seconds
from bench.pipeline.doubles import LATENCY_RATIO
from bench.pipeline.measure import MEMORY
from ops.cli.costs import cpu
from ops.cli.costs.batch import TABLE_SHARE


def cell(kind: str = "12 MP", batch: int = 10, *, times: float = 1.0, slower: float = 1.0) -> Cell:
    """Batches that took so many times the CPU that the estimate has, and were so many times slower beyond that."""
    made = Cell(kind, batch, 12.0, 3e6)
    image = replace(made.image, rendering=times * made.image.rendering, requesting=times * made.image.requesting)
    wall = slower * made.function.batch_seconds(image)
    return replace(made, walls=[wall, 0.9 * wall, 1.2 * wall], cpus=[batch * image.cpu] * 3)


def text(*cells: Cell) -> str:
    about = {"date": "today", "commit": "a", "virtual": False, "cores": 2, "cpu": "a CPU", "load": 0.1, "versions": {}}
    return report({"before": about, "after": about, "cells": [asdict(each) for each in cells]})


def test_a_machine_that_takes_twice_the_cpu_doubles_the_constant_whatever_the_others_take() -> None:
    cells = [cell(batch=50, times=9), cell(times=2), cell("small", times=7)]

    assert calibrated(cells) == pytest.approx(2 * cpu.SPEED)
    assert f"`SPEED = {2 * cpu.SPEED:.2f}` in ops/cli/costs/cpu.py, which has {cpu.SPEED:.2f} now" in text(*cells)


def test_the_measured_gb_seconds_are_those_of_the_median_batch() -> None:
    made = cell()
    seconds = made.function.batch_seconds(made.image)

    assert made.measured == gb_seconds(batch_seconds=seconds, batch=10, memory=MEMORY) == made.estimated(cpu.SPEED)


def test_an_estimate_that_misses_by_more_than_a_tenth_is_marked() -> None:
    assert "falls short" not in text(cell(), cell("small", slower=1.08))
    assert text(cell(), cell("small", slower=1.2), cell("small", 50, slower=0.8)).count("falls short") == 2


def test_the_doubles_answer_as_the_estimate_assumes() -> None:
    assert LATENCY_RATIO == TABLE_SHARE
    assert cell().function.latency.s3 == LATENCY
