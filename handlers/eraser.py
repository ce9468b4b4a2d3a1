"""The eraser: one message of the erasures queue, which names an image to erase.

The event is ``{"Records": [{"messageId", "receiptHandle", "body": sha256 of bucket/key, "attributes": {...}}]}`` with
one record; the answer is ``{"batchItemFailures": [{"itemIdentifier": messageId}]}`` until the image is erased.
"""

from functools import cache
from typing import Any

from handlers.eraser_bootstrap import build_eraser
from handlers.startup import starting
from processing.erasure.messages import Erasures
from processing.messages import message_of


@cache
def erasures() -> Erasures:
    """Built at the first invocation, kept for the lifetime of the execution environment."""
    with starting():
        return build_eraser()


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Go on with each erasure; never raises for an image that cannot be erased now."""
    messages = [message_of(record) for record in event["Records"]]
    left = [message.id for message in messages if not erasures().take(message)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
