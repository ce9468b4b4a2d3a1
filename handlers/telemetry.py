"""Logs and metrics. A log line is one JSON object, for CloudWatch Logs Insights.

Metrics are computed from the log lines: one line for each batch and outcome, in the embedded metric format, from which
CloudWatch extracts metrics without a request.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

NAMESPACE: Final = "Darkroom"
MOST_VALUES: Final = 100  # of one metric in one line
UNITS: Final = {
    "Images": "Count",
    "RenderMs": "Milliseconds",
    "QueueDelayMs": "Milliseconds",
    "ReadyMs": "Milliseconds",
    "VariantPuts": "Count",
    "LostReceives": "Count",
    "SandboxUnavailable": "Count",
}


class Metrics(logging.Handler):
    """Collects the log lines of images until `flush_batch`.

    ``Images`` is by ``Function`` and ``Outcome``. By ``Function`` alone are::

        RenderMs      of each image that was rendered
        QueueDelayMs  from the sending of each message to its outcome
        ReadyMs       from an upload to its variants, see `ObjectCreated.ready_ms`
        VariantPuts   requests to write variants, of each image
        LostReceives  of finished messages without an attempt: throttled, ended before the claim, met by another
                      worker's lease, or too late in an invocation

    and the metrics of `count_always`. Values are written one by one, so that CloudWatch has percentiles of them.

    Args:
        function: the function's name, which is different in each stage.
        clock: seconds since the epoch.
        write: takes one line.
    """

    def __init__(self, function: str, *, clock: Callable[[], float], write: Callable[[str], object]) -> None:
        super().__init__()
        self._function = function
        self._clock = clock
        self._write = write
        self._lines: list[Mapping[str, Any]] = []
        self._always: list[str] = []

    def count_always(self, name: str) -> None:
        """Count one of this metric now, and with each batch from now on: its alarm stays on as long as it lasts."""
        self._always.append(name)
        self._write_always()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, if it has an outcome."""
        line = getattr(record, "data", {})
        if "outcome" in line:
            self._lines.append(line)

    def flush_batch(self) -> None:
        """Write the metrics collected since the last call."""
        lines, self._lines = self._lines, []
        outcomes = Counter(str(line["outcome"]) for line in lines)
        for counted, values in zip_longest(outcomes.items(), _values(lines)):
            self._write(json.dumps(self._line(counted, values or {})))
        self._write_always()

    def _write_always(self) -> None:
        for name in self._always:
            self._write(json.dumps(self._line(None, {name: [1]})))

    def _line(self, counted: tuple[str, int] | None, values: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        line: dict[str, Any] = {"Function": self._function, **values}
        groups = [_group(["Function"], values)] if values else []
        if counted is not None:
            line["Outcome"], line["Images"] = counted
            groups.append(_group(["Function", "Outcome"], ["Images"]))
        return {"_aws": {"Timestamp": round(self._clock() * 1000), "CloudWatchMetrics": groups}} | line


def _values(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, list[int]]]:
    """Every value of every metric, in parts that fit into a line."""
    found = {
        "RenderMs": [line["timings"]["render"] for line in lines if "render" in line.get("timings", {})],
        "QueueDelayMs": [line["queue_delay_ms"] for line in lines if line.get("queue_delay_ms") is not None],
        "ReadyMs": [line["ready_ms"] for line in lines if line.get("ready_ms") is not None],
        "VariantPuts": [line["puts"] for line in lines if line.get("puts")],
        "LostReceives": [max(0, line["receive"] - line["attempt"]) for line in lines if line.get("attempt")],
    }
    most = max(map(len, found.values()))
    return [
        {name: part for name, values in found.items() if (part := values[at : at + MOST_VALUES])}
        for at in range(0, most, MOST_VALUES)
    ]


def _group(dimensions: Sequence[str], names: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    return {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}


class JsonFormatter(logging.Formatter):
    """Level, message and the fields given as ``extra={"data": {...}}``; the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "message": record.getMessage(), **getattr(record, "data", {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json(level: str, *others: logging.Handler) -> None:
    """Send the ``darkroom`` logger to standard output, instead of through Lambda's own handler, and to ``others``."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("darkroom")
    log.handlers = [handler, *others]
    log.propagate = False
    log.setLevel(min(logging.INFO, logging.getLevelNamesMapping()[level]))
    handler.setLevel(level)
