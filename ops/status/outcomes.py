"""How images ended in the last hour: from the consumer's metrics, or where there are none, from the images table.

CloudWatch counts deliveries, each attempt of an image for itself, and costs the same at any volume; so it comes first.
The emulator has none of it. There the table is read, whose records know when they last changed; it has no index by
time, so that is a scan, which ends after ``MOST_ITEMS``. A count that ended there is told as one of a part.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ops.stage import Stage
from ops.status.metrics import Metrics
from processing.ledger import Status

HOUR: Final = timedelta(hours=1)
MOST_ITEMS: Final = 50_000  # at 1 KB each a third of a US cent


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Counts by outcome, the most frequent first. ``complete`` is whether all were counted."""

    counts: Mapping[str, int]
    source: str
    complete: bool = True


def of_last_hour(stage: Stage, now: datetime) -> Outcomes:
    """How images of the stage ended since an hour ago."""
    told = Metrics(stage.client("cloudwatch")).outcomes(stage.consumer, now - HOUR, now)
    if told is not None:
        return Outcomes(_sorted(told), "CloudWatch, by delivery")
    counts, looked_at, complete = _scan(stage.client("dynamodb"), stage.images_table, now - HOUR)
    limit = "" if complete else f", of which {looked_at:,} records were looked at"
    return Outcomes(_sorted(counts), f"the images table{limit}", complete)


def _scan(dynamodb: Any, table: str, since: datetime, most: int = MOST_ITEMS) -> tuple[Counter[str], int, bool]:
    """The records that changed since, by status; how many were looked at, and whether that was all."""
    request: dict[str, Any] = {
        "TableName": table,
        "ProjectionExpression": "#status",
        "FilterExpression": "updated_at >= :since",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":since": {"N": str(int(since.timestamp()))}},
    }
    counts, looked_at = Counter[str](), 0
    while True:
        answer = dynamodb.scan(**request, Limit=most - looked_at)
        statuses = [item.get("status", {}).get("S") for item in answer["Items"]]
        counts.update(status.lower() for status in statuses if status in Status.__members__)
        looked_at += answer["ScannedCount"]
        if (last := answer.get("LastEvaluatedKey")) is None or looked_at >= most:
            return counts, looked_at, last is None
        request["ExclusiveStartKey"] = last


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(counts).most_common())
