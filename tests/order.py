"""The slow files of tests, longest first: begun last, one would keep its worker long after the others have ended."""

from pathlib import Path

TESTS = Path(__file__).parent
SLOW = (
    "web/test_page.py",  # the first stack makes the package, for which others would wait: these three need none
    "chaos/test_chaos.py",
    "simulation/test_histories.py",
    "handlers/test_broken_answers.py",
    "ops/cli/dlq/test_transcript.py",
    "existing/test_existing.py",
    "ops/cli/doctor/test_stage.py",
    "web/test_polling.py",
    "ops/cli/test_upload.py",
    "ops/local/test_stack.py",
    "ops/cli/dlq/test_scale.py",
    "web/test_earlier.py",
    "web/test_trouble.py",
    "web/test_access.py",
    "service/test_framework.py",
    "service/test_lifecycle.py",
    "service/test_security_page.py",
    "ops/build/test_setup.py",
    "ops/build/test_installed.py",
    "sandbox/test_memory_estimate.py",
    "api/test_generated_client.py",
    "ops/local/test_player.py",
    "handlers/test_worker_on_the_stack.py",
    "erasure/test_on_the_stack.py",
    "ops/cli/dlq/test_view.py",
    "ops/cli/test_erase.py",
    "ops/build/test_permissions.py",
    "sandbox/test_renderers.py",
    "ops/cli/dlq/test_redrive.py",
    "ops/cli/start/test_interrupted.py",
)
"""Those that take 20 s or more, from `pytest --durations=0`; any other order is as right."""

_PLACES = {TESTS / name: place for place, name in enumerate(SLOW)}


def place_of(path: Path) -> int:
    """What to sort the tests of a file by; all that are not slow come behind, in their own order."""
    return _PLACES.get(path, len(SLOW))
