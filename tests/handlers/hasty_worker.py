"""The worker in a hurry: the same parts, with leases and back-off that a test can wait for; run as a module.

As `tests.chaos.handler`: back-off is divided, a request may take two seconds instead of twenty-one, so that a lease can
be short, and a batch needs less time beside its tries.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from handlers import worker
from handlers.bootstrap import build_consumer
from handlers.worker_bootstrap import build_worker
from processing import batch
from processing.sandbox import capacity
from processing.worker import Worker
from tests.chaos.handler import HASTE, REQUEST_SECONDS

REST = 1.0  # seconds


def hasty_consumer(env: Mapping[str, str]) -> batch.Batch:
    usual = build_consumer(env)
    made = usual.handle.__self__  # type: ignore[attr-defined]
    assert isinstance(made, Worker)
    return replace(usual, handle=replace(made, request_seconds=REQUEST_SECONDS).handle)


if __name__ == "__main__":
    assert max(batch.BACKOFF) == 3600 / HASTE, "the import above has divided it"
    capacity.REST = REST  # type: ignore[misc]
    worker.main(partial(build_worker, build=hasty_consumer))
