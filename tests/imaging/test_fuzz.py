"""Broken images stay within the error tree, and the fuzzer reports those that do not."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.fuzz import fuzz, run_child
from bench.mutants import MUTATIONS, mutant
from tests.corpus import samples

ROOT = Path(__file__).parents[2]
IMAGES = 500
EXPECTED = ("rendered", "CorruptImage", "UnsupportedFormat")


def test_a_broken_image_is_rendered_or_refused():
    command = [sys.executable, "-m", "bench.fuzz", "--json", "--inputs", str(IMAGES)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    report = json.loads(done.stdout)
    assert report["findings"] == []
    assert done.returncode == 0
    assert sum(report["outcomes"].values()) == IMAGES
    assert min(report["outcomes"][outcome] for outcome in EXPECTED) >= IMAGES // 100


def test_a_number_always_makes_the_same_image():
    originals = [(each.name, each.data) for each in samples()]

    assert [mutant(number, originals) for number in range(40)] == [mutant(number, originals) for number in range(40)]
    assert len({mutant(number, originals)[1] for number in range(200)}) == 200
    assert {each.__name__ for each in MUTATIONS} >= {"flip", "cut", "swap", "set_number"}


def line(**fields):
    return json.dumps(fields) + "\n"


def begun(number):
    return line(number=number, name="a")


@pytest.mark.parametrize("failure", ["crashed", "hung"])
def test_a_process_that_dies_is_reported_with_its_image_and_the_rest_is_rendered(failure):
    calls = []

    def run(first, count):
        calls.append((first, count))
        numbers = range(first, min(first + count, 4))
        done = "".join(begun(number) + line(outcome="rendered") for number in numbers)
        return (done + begun(4), failure, "details") if first <= 4 else (_all_rendered(first, count), "", "")

    outcomes, findings = fuzz(0, 10, progress=lambda done: None, run=run)

    assert calls == [(0, 10), (5, 5)]
    assert findings == [f"4 (a): {failure}: details"]
    assert outcomes == {"rendered": 9, failure: 1}


def _all_rendered(first, count):
    return "".join(begun(number) + line(outcome="rendered") for number in range(first, first + count))


def test_an_exception_outside_the_tree_is_a_finding():
    output = begun(0) + line(outcome="unexpected", detail="KeyError('x')")

    outcomes, findings = fuzz(0, 1, progress=lambda done: None, run=lambda first, count: (output, "", ""))

    assert findings == ["0 (a): unexpected: KeyError('x')"]
    assert outcomes == {"unexpected": 1}


def test_a_process_that_cannot_start_is_an_error():
    with pytest.raises(RuntimeError, match="between two images"):
        fuzz(0, 1, progress=lambda done: None, run=lambda first, count: ("", "crashed", "no module"))


def test_a_segmentation_fault_and_a_hang_are_reported_differently():
    crash = f"import os; print('begun', flush=True); os.kill(os.getpid(), {int(signal.SIGSEGV)})"
    hang = "import signal; print('begun', flush=True); signal.pause()"

    crashed = run_child(0, 1, command=[sys.executable, "-c", crash])
    hung = run_child(0, 1, command=[sys.executable, "-c", hang], seconds=1.0)

    assert crashed == ("begun\n", "crashed", f"the process ended with {-signal.SIGSEGV}")
    assert hung == ("begun\n", "hung", "no answer in 1 s")
