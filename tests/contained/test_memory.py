"""Memory stays within the function's, and does not grow.

Longer: ``python -m bench.batches --images 2000 --kind mixed``.
"""

from bench.batches import BATCH, MEMORY, run
from processing.capacity import USED


def test_the_memory_of_all_processes_stays_bounded_and_does_not_grow() -> None:
    result = run(8 * BATCH, latency=0.0, kind="mixed", overlapped=True)

    half = len(result.memory) // 2
    assert result.failed == 0
    assert max(result.memory) < USED * MEMORY
    assert max(result.memory[half:]) < 1.2 * max(result.memory[:half])


def test_requests_that_take_their_time_are_waited_for_together() -> None:
    in_turn = run(BATCH, latency=0.05, kind="small", overlapped=False)
    overlapped = run(BATCH, latency=0.05, kind="small", overlapped=True)

    assert overlapped.seconds < in_turn.seconds / 2
