"""The consumer's settings for a batch size, as the service itself derives them."""

import json
import subprocess
from functools import cache
from typing import Final

from bench.runner import PROJECT
from ops.cli.settings import parameters
from processing.sandbox.capacity import LONGEST_TIMEOUT, shortest_timeout

MEMORY: Final = 1769
DERIVED: Final = """
const [given, wanted] = process.argv.slice(1).map((each) => JSON.parse(each));
require('./resources/derived.cjs')({ resolveVariable: async (name) => given[name.replace('param:', '')] })
  .then((derived) => console.log(JSON.stringify(derived[wanted])));
"""


def deployed_batch() -> int:
    """Return the batch size with which the service is deployed by default."""
    return int(parameters()["batchSize"])


@cache
def of_batch(batch: int) -> dict[str, str]:
    """Return the settings of a function whose batches have so many messages.

    A try is as long as it is by default, or as long as Lambda's longest timeout allows; the function has the shortest
    timeout in which each message of a batch can have its try.
    """
    seconds = next(
        each for each in range(int(parameters()["trySeconds"]), 0, -1) if _timeout(batch, each) <= LONGEST_TIMEOUT
    )
    timeout = _timeout(batch, seconds)
    return {
        "FUNCTION_TIMEOUT": str(timeout),
        "TRY_SECONDS": str(seconds),
        "LEASE_SECONDS": str(_derived("leaseSeconds", batchSize=batch, timeout=timeout, trySeconds=seconds)),
        "MAX_RECEIVE_COUNT": str(parameters()["maxReceiveCount"]),
    }


def _timeout(batch: int, try_seconds: int) -> int:
    return shortest_timeout(MEMORY, batch_size=batch, try_seconds=try_seconds)


def _derived(name: str, **changes: int) -> int:
    """Return what resources/derived.cjs makes of the default parameters and these changes."""
    command = ["node", "-e", DERIVED, "--", json.dumps({**parameters(), **changes}), json.dumps(name)]
    run = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    return int(run.stdout)
