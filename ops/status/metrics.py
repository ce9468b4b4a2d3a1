"""What CloudWatch has of a stage: SQS's own metrics of the queue, and the consumer's images by outcome.

SQS's metrics are a minute or two late. An emulator has none of either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from handlers.telemetry import NAMESPACE

MINUTE: Final = 60
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
class Metrics:
    """One stage's metrics; ``cloudwatch`` is a boto3 client."""

    cloudwatch: Any

    def of_queue(self, name: str, now: datetime) -> QueueMetrics:
        """The last whole minutes that there are."""
        end = now.replace(second=0, microsecond=0)
        dimensions = [{"Name": "QueueName", "Value": name}]
        queries = [
            _query(key, "AWS/SQS", metric, dimensions, statistic) for key, (metric, statistic) in QUEUE_METRICS.items()
        ]
        found = self._values(queries, end - QUEUE_WINDOW, end)
        return QueueMetrics(found["deleted"], found["sent"], found["age"][-1] if found["age"] else None)

    def outcomes(self, function: str, since: datetime, now: datetime) -> dict[str, int] | None:
        """How often the function came to each outcome; None when it has told CloudWatch nothing in two weeks."""
        pages = self.cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=NAMESPACE, MetricName="Images", Dimensions=[{"Name": "Function", "Value": function}]
        )
        told = [metric["Dimensions"] for page in pages for metric in page["Metrics"]]
        if not told:
            return None
        queries = [
            _query(f"outcome{number}", NAMESPACE, "Images", dimensions, "Sum") for number, dimensions in enumerate(told)
        ]
        found = self._values(queries, since, now)
        counts = {
            _outcome(dimensions): sum(found[query["Id"]]) for dimensions, query in zip(told, queries, strict=True)
        }
        return {name: round(count) for name, count in counts.items() if count}

    def _values(self, queries: list[dict[str, Any]], start: datetime, end: datetime) -> dict[str, list[float]]:
        """The values of each query, the oldest first."""
        found: dict[str, list[float]] = {query["Id"]: [] for query in queries}
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
        return found


def _query(
    key: str, namespace: str, metric: str, dimensions: Sequence[Mapping[str, str]], statistic: str
) -> dict[str, Any]:
    what = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": key, "MetricStat": {"Metric": what, "Period": MINUTE, "Stat": statistic}}


def _outcome(dimensions: Sequence[Mapping[str, str]]) -> str:
    return next(each["Value"] for each in dimensions if each["Name"] == "Outcome")
