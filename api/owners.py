"""Who was given which id: an item each in the images table, beside the ledger's.

::

    object                    etag            attributes
    caller:key/a1b2c3         01KAJ8...-cat   name, content_type, size_bytes, upload_until, expires_at    (ours)
    bucket/images/.../01KA... 5eb63bbb...     status, attempts, reason, variants, ...                     (the ledger's)

No bucket's name has a colon, so the two never meet; and only ours carry ``expires_at``, after which DynamoDB forgets
them. A caller's images are one partition in the order of their ids, which is that of time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from api.status import Upload
from processing.errors import Unavailable
from processing.storage.refusals import translating_errors

KEPT_SECONDS: Final = 30 * 24 * 60 * 60
MOST_WRITES: Final = 25  # in one BatchWriteItem
TRIES: Final = 4  # of what DynamoDB put off


class Owners(Protocol):
    """Callers and their images."""

    def remember(self, caller: str, uploads: Sequence[Upload]) -> None: ...
    def find(self, caller: str, image_id: str) -> Upload | None: ...
    def page(self, caller: str, *, limit: int, after: str | None) -> tuple[list[Upload], str | None]: ...


class DynamoOwners:
    """The register in the images table.

    Args:
        client: a boto3 DynamoDB client.
        clock: seconds since the epoch.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        client: Any,
        *,
        table: str,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = client
        self._table = table
        self._clock = clock
        self._pause = pause

    def remember(self, caller: str, uploads: Sequence[Upload]) -> None:
        """Write down that these are the caller's.

        Raises:
            Unavailable: not all of them were taken; none may be told of then.
        """
        expires_at = int(self._clock()) + KEPT_SECONDS
        items = [_item(caller, upload, expires_at) for upload in uploads]
        for at in range(0, len(items), MOST_WRITES):
            self._write([{"PutRequest": {"Item": item}} for item in items[at : at + MOST_WRITES]])

    def find(self, caller: str, image_id: str) -> Upload | None:
        """The caller's image of this id; None when it is another's, or nobody's."""
        key = {"object": {"S": _partition(caller)}, "etag": {"S": image_id}}
        with translating_errors("dynamodb:GetItem"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return next(self._living([answer["Item"]] if "Item" in answer else []), None)

    def page(self, caller: str, *, limit: int, after: str | None) -> tuple[list[Upload], str | None]:
        """Some of the caller's images, the newest first, and where to go on, if there may be more."""
        start = {"object": {"S": _partition(caller)}, "etag": {"S": after}} if after else None
        with translating_errors("dynamodb:Query"):
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="#object = :object",
                ExpressionAttributeNames={"#object": "object"},
                ExpressionAttributeValues={":object": {"S": _partition(caller)}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": start} if start else {}),
            )
        last = answer.get("LastEvaluatedKey")
        return list(self._living(answer["Items"])), last["etag"]["S"] if last else None

    def _write(self, requests: list[dict[str, Any]]) -> None:
        waiting = {self._table: requests}
        for attempt in range(TRIES):
            with translating_errors("dynamodb:BatchWriteItem"):
                waiting = self._dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems", {})
            if not waiting:
                return
            self._pause(0.1 * 2**attempt)
        raise Unavailable("ProvisionedThroughputExceededException", "dynamodb:BatchWriteItem")

    def _living(self, items: Sequence[Mapping[str, Any]]) -> Iterator[Upload]:
        """Those whose time has not come: DynamoDB takes up to two days to remove what has expired."""
        now = self._clock()
        for item in map(_plain, items):
            if item["expires_at"] > now:
                until = item.get("upload_until")
                yield Upload(
                    id=item["etag"],
                    name=item["name"],
                    content_type=item["content_type"],
                    size=int(item["size_bytes"]),
                    upload_until=None if until is None else int(until),
                )


def _partition(caller: str) -> str:
    return f"caller:{caller}"


def _item(caller: str, upload: Upload, expires_at: int) -> dict[str, Any]:
    values = {
        "object": _partition(caller),
        "etag": upload.id,
        "name": upload.name,
        "content_type": upload.content_type,
        "size_bytes": upload.size,
        "upload_until": upload.upload_until,
        "expires_at": expires_at,
    }
    return {name: TypeSerializer().serialize(value) for name, value in values.items() if value is not None}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
