"""What CloudWatch has of a stage: SQS's own metrics of the queue, and the consumer's images by outcome.

SQS's metrics are a minute or two late. An emulator has none of either; then the outcomes are counted in the images
table, whose records have the time of their last change.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from handlers.telemetry import NAMESPACE
from ops.cli.stage import Stage
from processing.ledger import ImagesTable

MINUTE: Final = 60
HOUR: Final = timedelta(hours=1)
MOST_ITEMS: Final = 50_000  # at 1 KB each a third of a US cent
QUEUE_WINDOW: Final = timedelta(minutes=5)
QUEUE_METRICS: Final = {
    "deleted": ("NumberOfMessagesDeleted", "Sum"),
    "sent": ("NumberOfMessagesSent", "Sum"),
    "age": ("ApproximateAgeOfOldestMessage", "Maximum"),
}


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """The queue's last minutes: counts by minute, and the age of the oldest message in seconds."""

    deleted: Sequence[float]
    sent: Sequence[float]
    oldest: float | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Counts by outcome, the most frequent first. ``complete`` is whether all were counted."""

    counts: Mapping[str, int]
    source: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class StageMetrics:
    """One stage's metrics; ``cloudwatch`` is a boto3 client."""

    cloudwatch: Any

    def of_queue(self, name: str, now: datetime) -> QueueMetrics:
        """The last whole minutes that there are."""
        end = now.replace(second=0, microsecond=0)
        dimensions = [{"Name": "QueueName", "Value": name}]
        queries = [
            query(key, "AWS/SQS", metric, dimensions, statistic) for key, (metric, statistic) in QUEUE_METRICS.items()
        ]
        found = self.values(queries, end - QUEUE_WINDOW, end)
        return QueueMetrics(found["deleted"], found["sent"], found["age"][-1] if found["age"] else None)

    def outcomes(self, function: str, since: datetime, now: datetime) -> dict[str, int] | None:
        """How often the function came to each outcome; None when CloudWatch has had nothing from it in two weeks."""
        pages = self.cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=NAMESPACE, MetricName="Images", Dimensions=[{"Name": "Function", "Value": function}]
        )
        known = [metric["Dimensions"] for page in pages for metric in page["Metrics"]]
        if not known:
            return None
        queries = [
            query(f"o{number}", NAMESPACE, "Images", dimensions, "Sum") for number, dimensions in enumerate(known)
        ]
        found = self.values(queries, since, now)
        counts = {
            _outcome(dimensions): sum(found[query["Id"]]) for dimensions, query in zip(known, queries, strict=True)
        }
        return {name: round(count) for name, count in counts.items() if count}

    def values(self, queries: list[dict[str, Any]], start: datetime, end: datetime) -> dict[str, list[float]]:
        """The values of each query, the oldest first."""
        found: dict[str, list[float]] = {query["Id"]: [] for query in queries}
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
        return found


def of_last_hour(stage: Stage, now: datetime) -> Outcomes:
    """How images of the stage ended since an hour ago: CloudWatch counts deliveries, at the same cost at any volume."""
    delivered = StageMetrics(stage.client("cloudwatch")).outcomes(stage.consumer, now - HOUR, now)
    if delivered is not None:
        return Outcomes(_sorted(delivered), "CloudWatch, by delivery")
    table = ImagesTable(stage.client("dynamodb"), stage.images_table)
    statuses, scanned, complete = table.changed_since(now - HOUR, most=MOST_ITEMS)
    limit = "" if complete else f", of which {scanned:,} records were read"
    counts = {status.lower(): count for status, count in statuses.items()}
    return Outcomes(_sorted(counts), f"the images table{limit}", complete)


def query(
    key: str,
    namespace: str,
    metric: str,
    dimensions: Sequence[Mapping[str, str]],
    statistic: str,
    period: int = MINUTE,
) -> dict[str, Any]:
    """One query of a GetMetricData request; ``period`` is in seconds."""
    what = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": key, "MetricStat": {"Metric": what, "Period": period, "Stat": statistic}}


def _outcome(dimensions: Sequence[Mapping[str, str]]) -> str:
    return next(each["Value"] for each in dimensions if each["Name"] == "Outcome")


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(counts).most_common())
