"""The images table in memory with its stream, and what the deployed filters choose of it."""

import itertools
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from ops.local.stream_mapping import StreamMapping, StreamRecord, matches
from tests.memory_dynamodb import MemoryDynamoDB

SWITCH: Final = Path(__file__).parents[1] / "resources" / "switches" / "events.yml"
NOW: Final = 1_800_000_000.0


@cache
def announcer_function() -> dict[str, Any]:
    """The announcer's function, as it is deployed."""
    found: dict[str, Any] = yaml.safe_load(SWITCH.read_text())["functions"]["announcer"]
    return found


def _event() -> dict[str, Any]:
    (event,) = announcer_function()["events"]
    found: dict[str, Any] = event["stream"]
    return found


def patterns() -> list[dict[str, Any]]:
    """The filters of the announcer's mapping, as they are deployed."""
    found: list[dict[str, Any]] = _event()["filterPatterns"]
    return found


def mapping(stream_arn: str) -> StreamMapping:
    """The announcer's mapping as it is deployed, on another stream, and without a queue for what is given up."""
    event = _event()
    return StreamMapping(
        stream_arn=stream_arn,
        batch_size=event["batchSize"],
        window=event["batchWindow"],
        patterns=patterns(),
        reports_failures=event["functionResponseType"] == "ReportBatchItemFailures",
        bisects=event["bisectBatchOnFunctionError"],
        maximum_attempts=event["maximumRetryAttempts"],
        maximum_age=event["maximumRecordAgeInSeconds"],
    )


def is_chosen(record: StreamRecord) -> bool:
    """Whether the announcer gets this record."""
    return any(matches(pattern, record) for pattern in patterns())


class StreamedDynamoDB(MemoryDynamoDB):
    """The table, whose every change is appended to ``records``, as Lambda would hand it over."""

    def __init__(self, table: str = "images") -> None:
        super().__init__(table)
        self.records: list[StreamRecord] = []
        self._numbers = itertools.count(1_100_000_000_017_454_423_009)

    def update_item(self, **request: Any) -> dict[str, Any]:
        key = (request["Key"]["object"]["S"], request["Key"]["etag"]["S"])
        old = self._items.get(key)
        answer = super().update_item(**request)
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": NOW,
            "Keys": dict(request["Key"]),
            "NewImage": dict(self._items[key]),
            "SequenceNumber": str(next(self._numbers)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        if old is not None:
            change["OldImage"] = dict(old)
        name = "INSERT" if old is None else "MODIFY"
        self.records.append({"eventID": f"{len(self.records):032x}", "eventName": name, "dynamodb": change})
        return answer

    @property
    def chosen(self) -> list[StreamRecord]:
        """The records that the announcer gets."""
        return [record for record in self.records if is_chosen(record)]
