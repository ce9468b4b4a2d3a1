"""The virtual clock of bench.ready keeps Lambda's rules, and the stages of an image add up."""

import pytest

from bench.ready.__main__ import rows
from bench.ready.clock import Mapped, Measured, run
from bench.ready.stages import STAGES
from tests.ops.cli.costs.lambda_scaling import simulate

SECOND = {"render": 1.0}
COLD = 0.5


def batches(seconds=1.0, *sizes):
    return {size: [Measured(seconds, [SECOND] * size)] for size in sizes}


def test_an_idle_poller_receives_at_once_and_a_new_environment_starts_first():
    found = run([0.0, 10.0], Mapped(10, 0.0, 5), batches(1.0, 1), COLD)

    assert found == [{"queue": 0.0, "start": COLD, **SECOND}, {"queue": 0.0, "start": 0.0, **SECOND}]


def test_what_comes_within_the_window_is_one_batch():
    found = run([0.0, 1.0, 2.5], Mapped(10, 2.0, 5), batches(9.0, 1, 2), 0.0)

    assert [image["queue"] for image in found] == [2.0, 1.0, 2.0]


def test_a_full_batch_does_not_wait_for_its_window():
    found = run([0.0, 1.0, 1.5], Mapped(2, 20.0, 5), batches(1.0, 1, 2), 0.0)

    assert [image["queue"] for image in found] == [1.0, 0.0, 20.0]


def test_messages_wait_while_every_invocation_runs():
    found = run([0.0] * 6, Mapped(2, 0.0, 2), batches(3.0, 2), 0.0)

    assert [image["queue"] for image in found] == [0.0] * 4 + [3.0] * 2


@pytest.mark.parametrize("concurrency", [5, 100, 1000])
def test_a_burst_takes_as_long_as_in_the_simulation_in_steps(concurrency):
    images = 40_000
    unlimited = {"writes": 1, "warm": 40_000, "prefixes": 10}
    expected = simulate(images=images, batch=10, batch_seconds=2.0, concurrency=concurrency, **unlimited)

    found = run([0.0] * images, Mapped(10, 0.0, concurrency), batches(2.0, 10), 0.0)

    assert max(image["queue"] for image in found) + 2.0 == pytest.approx(expected, rel=0.03)


def test_a_table_has_a_row_for_each_stage_and_their_sum():
    image = dict.fromkeys(STAGES, 0.1)

    table = rows({"a load": [image] * 3})

    assert [row[0] for row in table] == [*STAGES, "**ready**"]
    assert table[0][1] == "100, 100, 100"
    assert table[-1][1] == "1,000, 1,000, 1,000"
