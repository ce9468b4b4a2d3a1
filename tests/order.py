"""The slow files of tests, longest first: begun last, one would keep its worker long after the others have ended."""

from pathlib import Path

TESTS = Path(__file__).parent
SLOW = (
    "web/test_page.py",
    "ops/cli/dlq/test_transcript.py",
    "ops/cli/test_upload.py",
    "chaos/test_chaos.py",
    "handlers/test_broken_answers.py",
    "ops/cli/dlq/test_view.py",
    "service/test_framework.py",
    "sandbox/test_memory_estimate.py",
    "ops/cli/doctor/test_stage.py",
    "service/test_security_page.py",
    "simulation/test_histories.py",
    "ops/cli/test_strangers.py",
    "ops/cli/dlq/test_redrive.py",
    "ops/local/test_moto_patches.py",
    "ops/local/test_invoke_local.py",
    "sandbox/test_renderers.py",
    "web/test_polling.py",
    "handlers/test_consumer.py",
    "service/test_lifecycle.py",
    "processing/test_ledger.py",
    "ops/local/test_stack.py",
)
"""Those that take more than 40 s of a busy machine, from `pytest --durations=0`; any other order is as right."""

_PLACES = {TESTS / name: place for place, name in enumerate(SLOW)}


def place_of(path: Path) -> int:
    """What to sort the tests of a file by; all that are not slow come behind, in their own order."""
    return _PLACES.get(path, len(SLOW))
