"""An announcer that forgets its failures: Lambda takes every batch for a success."""

from typing import Any

from handlers import announcer


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """As `handlers.announcer.handler`, but for its answer."""
    announcer.handler(event, context)
    return {"batchItemFailures": []}
