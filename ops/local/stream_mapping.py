"""A stream's event source mapping, as it is deployed: what it chooses, and how it goes on after a failure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from ops.errors import StackError

StreamRecord = dict[str, Any]
"""One change in the form in which a function gets it."""


@dataclass(frozen=True)
class StreamMapping:
    """The settings of a stream's event source mapping.

    Args:
        patterns: a record is chosen that matches one of them; all are, where there is none.
        maximum_age: of a record, in seconds.
        on_failure: the ARN of the queue for what is given up.
    """

    stream_arn: str
    batch_size: int = 100
    window: float = 0
    patterns: Sequence[Mapping[str, Any]] = ()
    reports_failures: bool = True
    bisects: bool = False
    maximum_attempts: float = float("inf")
    maximum_age: float = float("inf")
    on_failure: str = ""
    enabled: bool = True

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Self:
        """Out of the answer to GetEventSourceMapping.

        Raises:
            StackError: the player cannot play it.
        """
        if answer.get("StartingPosition") != "TRIM_HORIZON" or answer.get("ParallelizationFactor", 1) != 1:
            raise StackError("the local stack plays a stream from its TRIM_HORIZON, one batch at a time")
        criteria = answer.get("FilterCriteria", {}).get("Filters", [])
        patterns = [json.loads(each["Pattern"]) for each in criteria]
        for pattern in patterns:
            _check(pattern)
        return cls(
            stream_arn=answer["EventSourceArn"],
            batch_size=int(answer.get("BatchSize", 100)),
            window=float(answer.get("MaximumBatchingWindowInSeconds", 0)),
            patterns=patterns,
            reports_failures="ReportBatchItemFailures" in answer.get("FunctionResponseTypes", []),
            bisects=answer.get("BisectBatchOnFunctionError", False),
            maximum_attempts=_limit(answer.get("MaximumRetryAttempts", -1)),
            maximum_age=_limit(answer.get("MaximumRecordAgeInSeconds", -1)),
            on_failure=answer.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
            enabled=answer.get("State", "Enabled") == "Enabled",
        )

    def chooses(self, record: StreamRecord) -> bool:
        """Whether the function gets this record."""
        return not self.patterns or any(matches(pattern, record) for pattern in self.patterns)


def matches(pattern: Mapping[str, Any], thing: Any) -> bool:
    """Whether an object has one of the listed values under each name of the pattern."""
    return isinstance(thing, Mapping) and all(
        matches(wanted, thing.get(name)) if isinstance(wanted, Mapping) else thing.get(name) in wanted
        for name, wanted in pattern.items()
    )


def as_lambda_has_it(record: Mapping[str, Any], stream_arn: str) -> StreamRecord:
    """A record of GetRecords, as boto3 reads it, in Lambda's form: times are seconds since the epoch."""
    change = dict(record["dynamodb"])
    change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": change, "eventSourceARN": stream_arn, "awsRegion": stream_arn.split(":")[3]}


def given_up(records: Sequence[StreamRecord], *, function_arn: str, why: str, attempts: int, shard: str) -> str:
    """What Lambda sends to the queue for failures: no record, but where it is in the stream.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    first, last = records[0], records[-1]
    message = {
        "requestContext": {"functionArn": function_arn, "condition": why, "approximateInvokeCount": attempts},
        "version": "1.0",
        "timestamp": _text(datetime.now(UTC).timestamp()),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _text(first["dynamodb"]["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": _text(last["dynamodb"]["ApproximateCreationDateTime"]),
            "batchSize": len(records),
            "streamArn": first["eventSourceARN"],
        },
    }
    return json.dumps(message)


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _limit(value: float) -> float:
    return float("inf") if value == -1 else float(value)  # as Lambda has it


def _check(pattern: Any) -> None:
    """Only exact values: what else EventBridge's patterns know is not played."""
    if isinstance(pattern, dict):
        for below in pattern.values():
            _check(below)
    elif not isinstance(pattern, list) or any(isinstance(value, dict | list) for value in pattern):
        raise StackError(f"the local stack matches exact values only, and a filter has {json.dumps(pattern)}")
