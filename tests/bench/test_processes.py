"""The consumers under measurement have a core of their own, apart from the doubles of AWS."""

import os
import subprocess
import sys

import pytest

from bench.processes import pin

CORES = sorted(os.sched_getaffinity(0))
PINNED = "import os; from bench.processes import pin; pin({core}); print(*os.sched_getaffinity(0))"


@pytest.mark.skipif(len(CORES) < 2, reason="there is one core")
def test_a_child_of_a_pinned_process_moves_to_its_own_core() -> None:
    before = os.sched_getaffinity(0)
    try:
        pin(CORES[1])
        command = [sys.executable, "-c", PINNED.format(core=CORES[0])]
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        mine = os.sched_getaffinity(0)
    finally:
        os.sched_setaffinity(0, before)

    assert (child.stdout.split(), mine) == ([str(CORES[0])], {CORES[1]})


def test_a_core_that_the_machine_does_not_have_changes_nothing() -> None:
    before = os.sched_getaffinity(0)

    pin(1000)

    assert os.sched_getaffinity(0) == before
