"""The API's description holds for requests of all kinds, as ``darkroom local`` serves them. ``python -m tests.api``
asks for more than 2,000 answers; here are a few hundred."""

from pathlib import Path

from ops.local.stack import LocalStack
from tests.api.fuzz import fuzz


def test_no_request_is_answered_in_a_way_that_is_not_described(stack: LocalStack, tmp_path: Path) -> None:
    run = fuzz(stack, examples=5, folder=tmp_path, phases="examples,coverage,fuzzing")

    assert run.passed, run.report
    assert run.requests > 100
    assert run.statuses >= {200, 201, 403, 404, 415, 422}
    assert not [status for status in run.statuses if status >= 500]
