"""Broken images end as they may, and the fuzzer would say so if one did not."""

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


def test_no_broken_image_gets_out_of_the_error_tree():
    command = [sys.executable, "-m", "bench.fuzz", "--json", "--inputs", str(IMAGES)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    report = json.loads(done.stdout)
    assert report["finds"] == []
    assert done.returncode == 0
    assert sum(report["ends"].values()) == IMAGES
    assert min(report["ends"][end] for end in ("rendered", "CorruptImage", "UnsupportedFormat")) >= IMAGES // 100


def test_a_number_makes_the_same_image_again_and_every_mutation_does_something():
    originals = [(each.name, each.data) for each in samples()]

    assert [mutant(number, originals) for number in range(40)] == [mutant(number, originals) for number in range(40)]
    assert len({mutant(number, originals)[1] for number in range(200)}) == 200
    assert {each.__name__ for each in MUTATIONS} >= {"flip", "cut", "swap", "set_number"}


def line(**fields):
    return json.dumps(fields) + "\n"


def begun(number):
    return line(number=number, name="a")


@pytest.mark.parametrize("fate", ["crashed", "hung"])
def test_a_process_that_dies_is_counted_by_the_number_it_was_at_and_the_rest_is_still_done(fate):
    asked = []

    def run(first, count):
        asked.append((first, count))
        numbers = range(first, min(first + count, 4))
        done = "".join(begun(number) + line(end="rendered") for number in numbers)
        return (done + begun(4), fate, "of a reason") if first <= 4 else (_all_rendered(first, count), "", "")

    ends, finds = fuzz(0, 10, progress=lambda done: None, run=run)

    assert asked == [(0, 10), (5, 5)]
    assert finds == [f"4 (a): {fate}: of a reason"]
    assert ends == {"rendered": 9, fate: 1}


def _all_rendered(first, count):
    return "".join(begun(number) + line(end="rendered") for number in range(first, first + count))


def test_an_exception_from_outside_the_tree_is_a_find():
    output = begun(0) + line(end="unexpected", detail="KeyError('x')")

    ends, finds = fuzz(0, 1, progress=lambda done: None, run=lambda first, count: (output, "", ""))

    assert finds == ["0 (a): unexpected: KeyError('x')"]
    assert ends == {"unexpected": 1}


def test_a_process_that_cannot_even_start_is_no_success():
    with pytest.raises(RuntimeError, match="between two images"):
        fuzz(0, 1, progress=lambda done: None, run=lambda first, count: ("", "crashed", "no module"))


def test_a_segmentation_fault_and_a_hang_are_told_apart():
    crash = f"import os; print('begun', flush=True); os.kill(os.getpid(), {int(signal.SIGSEGV)})"
    hang = "import signal; print('begun', flush=True); signal.pause()"

    crashed = run_child(0, 1, command=[sys.executable, "-c", crash])
    hung = run_child(0, 1, command=[sys.executable, "-c", hang], patience=1.0)

    assert crashed == ("begun\n", "crashed", f"the process ended with {-signal.SIGSEGV}")
    assert hung == ("begun\n", "hung", "no answer in 1 s")
