"""The images table, read: items by their keys, every version of an object, and counts of what has changed."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from processing.errors import Unavailable
from processing.ledger.item import Attributes, read
from processing.ledger.record import Record, Status, Version
from processing.storage.refusals import translating_errors

MOST_KEYS: Final = 100  # in one BatchGetItem
ROUNDS: Final = 6  # of what DynamoDB put off
FIRST_PAUSE: Final = 0.05  # seconds; each is twice the last


class ImagesTable:
    """The images table of one stage.

    Args:
        client: a boto3 DynamoDB client, which threads may share.
        pause: waits for so many seconds.
    """

    def __init__(self, client: Any, name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._dynamodb = client
        self._name = name
        self._pause = pause

    def read(self, versions: Iterable[Version]) -> dict[Version, Record]:
        """The records that exist, however many are asked for.

        Raises:
            Unavailable: DynamoDB refused, or put some of them off again and again.
        """
        wanted = list(dict.fromkeys(versions))
        items = [item for at in range(0, len(wanted), MOST_KEYS) for item in self._get_all(wanted[at : at + MOST_KEYS])]
        return {record.version: record for record in map(read, items)}

    def versions(self, bucket: str, key: str) -> list[Record]:
        """Every version of one object that was ever seen, and its removals, the latest change first."""
        items = items_of(self._dynamodb, "query", TableName=self._name, **partition(f"{bucket}/{key}"))
        return sorted(map(read, items), key=lambda record: record.updated_at, reverse=True)

    def below(self, bucket: str, prefixes: Sequence[str], *, since: datetime | None = None) -> Iterator[Record]:
        """Every version of the objects whose keys begin with one of these; ``since`` leaves out what ended before.

        The versions of one object come together, in no order. This is a scan.
        """
        names = {f":p{number}": {"S": f"{bucket}/{prefix}"} for number, prefix in enumerate(prefixes)}
        condition = " OR ".join(f"begins_with(#object, {name})" for name in names)
        if since is not None:
            condition = f"({condition}) AND (updated_at >= :since OR lease_until >= :since)"
            names[":since"] = {"N": str(int(since.timestamp()))}
        request: dict[str, Any] = {
            "TableName": self._name,
            "FilterExpression": condition,
            "ExpressionAttributeNames": {"#object": "object"},
            "ExpressionAttributeValues": names,
        }
        start: dict[str, Any] | None = {}
        while start is not None:
            with translating_errors("dynamodb:Scan"):
                answer = self._dynamodb.scan(**request, **start)
            yield from map(read, answer["Items"])
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]} if "LastEvaluatedKey" in answer else None

    def changed_since(self, since: datetime, *, most: int) -> tuple[Counter[Status], int, bool]:
        """Records that changed since then, by status; how many were scanned, at most ``most``; whether those are all.

        The table has no index by time, so this is a scan.
        """
        request: dict[str, Any] = {
            "TableName": self._name,
            "ProjectionExpression": "#status",
            "FilterExpression": "updated_at >= :since",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":since": {"N": str(int(since.timestamp()))}},
        }
        counts, scanned = Counter[Status](), 0
        while True:
            with translating_errors("dynamodb:Scan"):
                answer = self._dynamodb.scan(**request, Limit=most - scanned)
            statuses = [item.get("status", {}).get("S") for item in answer["Items"]]
            counts.update(Status(status) for status in statuses if status in Status.__members__)
            scanned += answer["ScannedCount"]
            if (last := answer.get("LastEvaluatedKey")) is None or scanned >= most:
                return counts, scanned, last is None
            request["ExclusiveStartKey"] = last

    def _get_all(self, versions: Sequence[Version]) -> list[Attributes]:
        """The items that exist of at most `MOST_KEYS` keys; what DynamoDB puts off is requested again."""
        items: list[Attributes] = []
        keys = [version.item_key for version in versions]
        for attempt in range(ROUNDS):
            if attempt:
                self._pause(FIRST_PAUSE * 2 ** (attempt - 1))
            with translating_errors("dynamodb:BatchGetItem"):
                answer = self._dynamodb.batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
            items += answer["Responses"].get(self._name, [])
            keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not keys:
                return items
        raise Unavailable("UnprocessedKeys", "dynamodb:BatchGetItem", f"{len(keys)} items were put off {ROUNDS} times")


def partition(key: str) -> dict[str, Any]:
    """The parameters of a Query for all items with this partition key."""
    return {
        "KeyConditionExpression": "#object = :object",
        "ExpressionAttributeNames": {"#object": "object"},
        "ExpressionAttributeValues": {":object": {"S": key}},
        "ConsistentRead": True,
    }


def items_of(client: Any, operation: str, **request: Any) -> list[Attributes]:
    """The items of all pages of a ``query`` or a ``scan``."""
    items: list[Attributes] = []
    start: dict[str, Any] | None = {}
    while start is not None:
        with translating_errors(f"dynamodb:{operation.capitalize()}"):
            answer = getattr(client, operation)(**request, **start)
        items += answer["Items"]
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]} if "LastEvaluatedKey" in answer else None
    return items
