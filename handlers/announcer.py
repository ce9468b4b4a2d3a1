"""The announcer: a batch of changes of the images table becomes events on the bus.

The event is ``{"Records": [{"eventID", "eventName", "dynamodb": {"SequenceNumber", "OldImage", "NewImage", ...}}]}``,
only ends of versions, by the filters in resources/switches/events.yml. The answer is ``{"batchItemFailures": []}``,
or has the one record from which on Lambda reads the stream again: ``[{"itemIdentifier": SequenceNumber}]``.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from functools import cache
from typing import Any

from handlers.announcer_bootstrap import build_announcer
from handlers.startup import starting
from processing.outbox import Announcer, ItemChange


@cache
def announcer() -> Announcer:
    """Built at the first invocation, kept for the lifetime of the execution environment."""
    with starting():
        return build_announcer()


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Announce one batch."""
    again = announcer().announce([_change(record["dynamodb"]) for record in event["Records"]])
    return {"batchItemFailures": [{"itemIdentifier": again}] if again is not None else []}


def _change(change: dict[str, Any]) -> ItemChange:
    return ItemChange(change["SequenceNumber"], change["NewImage"])
