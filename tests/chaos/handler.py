"""The production handler in a hurry: the same parts, with delays that a test can wait for.

Back-off is divided by `HASTE`, and a request may take two seconds instead of twenty-two, so that leases can be short.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from handlers import consumer
from handlers.bootstrap import build_consumer
from processing.batch import Batch, Queue
from processing.worker import Worker

HASTE = 40
REQUEST_SECONDS = 2.0


class HastyQueue:
    """The uploads queue, to which messages come back sooner."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def postpone(self, delays: Mapping[str, int]) -> None:
        self._queue.postpone({handle: -(-delay // HASTE) for handle, delay in delays.items()})


@cache
def _build() -> Batch:
    batch = build_consumer()
    worker = batch.handle.__self__  # type: ignore[attr-defined]
    assert isinstance(worker, Worker)
    hasty = replace(worker, request_seconds=REQUEST_SECONDS)
    return replace(batch, handle=hasty.handle, queue=HastyQueue(batch.queue), seconds_needed=lambda: 2.0)


consumer.consumer = _build


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """As `handlers.consumer.handler`."""
    return consumer.handler(event, context)
