"""Which caller an image belongs to: one item for each image in the images table, beside the ledger's.

::

    object                    etag            attributes
    caller:key/a1b2c3         01KAJ8...-cat   name, content_type, size_bytes, requested_at, expires_at    (owner)
    bucket/images/.../01KA... 5eb63bbb...     status, attempts, reason, variants, ...                     (ledger)

A bucket's name has no colon, so the two kinds never share a key. ``expires_at`` is the TTL. A caller's images are one
partition in the order of their ids, which is the order of time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from api.ids import created_at
from api.status import Upload
from processing.errors import Unavailable
from processing.storage.refusals import translating_errors

RETENTION_SECONDS: Final = 30 * 24 * 60 * 60
BATCH_SIZE: Final = 25  # items in one BatchWriteItem
MAX_ATTEMPTS: Final = 4  # to write what DynamoDB returns as unprocessed


class Owners:
    """The owner items in the images table.

    Args:
        client: a boto3 DynamoDB client.
        clock: seconds since the epoch.
        pause: waits for a number of seconds.
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

    def add(self, caller: str, uploads: Sequence[Upload]) -> None:
        """Write that these are the caller's.

        Raises:
            Unavailable: not all of them were written; then none may be returned to the client.
        """
        expires_at = int(self._clock()) + RETENTION_SECONDS
        items = [_item(caller, upload, expires_at) for upload in uploads]
        for at in range(0, len(items), BATCH_SIZE):
            self._write([{"PutRequest": {"Item": item}} for item in items[at : at + BATCH_SIZE]])

    def find(self, caller: str, image_id: str) -> Upload | None:
        """The caller's image with this id; None if it is another caller's, or does not exist."""
        key = {"object": {"S": partition_of(caller)}, "etag": {"S": image_id}}
        with translating_errors("dynamodb:GetItem"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return next(self._uploads([answer["Item"]] if "Item" in answer else []), None)

    def find_any(self, caller: str, ids: Sequence[str]) -> Upload | None:
        """The first of the caller's images among up to 100 ids.

        Raises:
            Unavailable: DynamoDB has not read them all.
        """
        keys = [{"object": {"S": partition_of(caller)}, "etag": {"S": each}} for each in ids]
        with translating_errors("dynamodb:BatchGetItem"):
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
        if answer.get("UnprocessedKeys"):
            raise Unavailable("ProvisionedThroughputExceededException", "dynamodb:BatchGetItem")
        found = {upload.id: upload for upload in self._uploads(answer["Responses"].get(self._table, []))}
        return next((found[each] for each in ids if each in found), None)

    def page(self, caller: str, *, limit: int, after: str | None) -> tuple[list[Upload], str | None]:
        """Some of the caller's images, the newest first, and the id to continue after, if there may be more."""
        start = {"object": {"S": partition_of(caller)}, "etag": {"S": after}} if after else None
        with translating_errors("dynamodb:Query"):
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="#object = :object",
                ExpressionAttributeNames={"#object": "object"},
                ExpressionAttributeValues={":object": {"S": partition_of(caller)}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
                **({"ExclusiveStartKey": start} if start else {}),
            )
        last = answer.get("LastEvaluatedKey")
        return list(self._uploads(answer["Items"])), last["etag"]["S"] if last else None

    def _write(self, requests: list[dict[str, Any]]) -> None:
        waiting = {self._table: requests}
        for attempt in range(MAX_ATTEMPTS):
            with translating_errors("dynamodb:BatchWriteItem"):
                waiting = self._dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems", {})
            if not waiting:
                return
            self._pause(0.1 * 2**attempt)
        raise Unavailable("ProvisionedThroughputExceededException", "dynamodb:BatchWriteItem")

    def _uploads(self, items: Sequence[Mapping[str, Any]]) -> Iterator[Upload]:
        """Those that have not expired: DynamoDB takes up to two days to delete an expired item."""
        now = self._clock()
        for item in items:
            values = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
            if values["expires_at"] > now:
                until = values.get("upload_until")
                yield Upload(
                    id=values["etag"],
                    name=values["name"],
                    content_type=values["content_type"],
                    size=int(values["size_bytes"]),
                    requested_at=float(values.get("requested_at") or created_at(values["etag"]).timestamp()),
                    upload_until=None if until is None else int(until),
                )


def partition_of(caller: str) -> str:
    """The partition key of a caller's items."""
    return f"caller:{caller}"


def _item(caller: str, upload: Upload, expires_at: int) -> dict[str, Any]:
    values = {
        "object": partition_of(caller),
        "etag": upload.id,
        "name": upload.name,
        "content_type": upload.content_type,
        "size_bytes": upload.size,
        "upload_until": upload.upload_until,
        "requested_at": None if upload.requested_at is None else int(upload.requested_at),
        "expires_at": expires_at,
    }
    return {name: TypeSerializer().serialize(value) for name, value in values.items() if value is not None}
