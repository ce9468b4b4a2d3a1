"""The settings of a batch size are those with which the service could be deployed."""

import pytest

from bench.pipeline.settings import MEMORY, deployed_batch, of_batch
from ops.build.rules import RULES
from ops.cli.settings import parameters
from processing.sandbox.capacity import LONGEST_TIMEOUT, shortest_timeout


def test_the_deployed_batch_size_has_the_deployed_tries() -> None:
    assert of_batch(deployed_batch())["TRY_SECONDS"] == str(parameters()["trySeconds"])
    assert int(of_batch(deployed_batch())["FUNCTION_TIMEOUT"]) <= parameters()["timeout"]


@pytest.mark.parametrize("batch", [1, 10, 50, 100])
def test_every_message_can_have_its_try_and_the_lease_outlives_the_function(batch: int) -> None:
    found = {name: int(value) for name, value in of_batch(batch).items()}

    needed = shortest_timeout(MEMORY, batch_size=batch, try_seconds=found["TRY_SECONDS"])
    assert needed == found["FUNCTION_TIMEOUT"] <= LONGEST_TIMEOUT
    assert found["LEASE_SECONDS"] > found["FUNCTION_TIMEOUT"]
    assert RULES["timeout"](found["FUNCTION_TIMEOUT"]) is None
