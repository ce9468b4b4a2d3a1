"""The production handler in a hurry: the same parts, with delays that a test can wait for.

Back-off is divided by `HASTE`, and a request may take two seconds instead of twenty-two, so that leases can be short.
What waits for a lease's end is not hurried: leases are not divided, and a message that came back before would only be
sent away again, until its receives are used up.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from handlers import consumer
from handlers.bootstrap import build_consumer
from processing import batch
from processing.worker import Worker

HASTE = 40
REQUEST_SECONDS = 2.0


@cache
def _build() -> batch.Batch:
    usual = build_consumer()
    worker = usual.handle.__self__  # type: ignore[attr-defined]
    assert isinstance(worker, Worker)
    hasty = replace(worker, request_seconds=REQUEST_SECONDS)
    return replace(usual, handle=hasty.handle)


batch.NOT_STARTED_JITTER //= HASTE
batch.BACKOFF = tuple(-(-delay // HASTE) for delay in batch.BACKOFF)  # type: ignore[assignment]
consumer.consumer = _build


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """As `handlers.consumer.handler`."""
    return consumer.handler(event, context)
