"""Memory stays within the function's, and does not grow.

Longer: ``python -m bench.batches --images 2000 --kind mixed``.
"""

import json
import subprocess
import sys
from pathlib import Path

from bench.batches import BATCH, MEMORY
from processing.sandbox.capacity import USABLE

ROOT = Path(__file__).parents[2]


def test_the_memory_of_all_processes_stays_bounded_and_does_not_grow() -> None:
    """In a process of its own: this one has the memory of every test before."""
    command = [sys.executable, "-m", "bench.batches", "--images", str(8 * BATCH), "--kind", "mixed", "--latency", "0"]
    said = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    memory = said["memory"]
    assert said["failed"] == 0
    assert memory["peak"] < USABLE * MEMORY
    assert memory["second half"] < 1.2 * memory["first half"]
