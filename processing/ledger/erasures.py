"""Erasures in the images table: what is to be erased, what of it is gone, and the receipt that is left of it.

::

    object       etag                    attributes
    #erasures    sha256 of bucket/key    id, target, by, asked_at, and what was found so far, by kind    (intent)
    #erased      id                      the receipt, which names nothing but that hash                  (receipt)

An intent is written before anything is deleted and removed last, so that no crash loses an erasure. There is one for
each object, however often it is requested. What is found is added to it before it is deleted: a receipt counts all of
it, also after a crash. No object has a key of these forms: a bucket's name has no "#".
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from processing.errors import Conflict, ErasureEnded
from processing.ledger.item import Attributes, attributes
from processing.ledger.record import Record
from processing.ledger.table import ImagesTable, items_of, partition
from processing.storage.refusals import code_of, translating_errors

PENDING: Final = "#erasures"
FINISHED: Final = "#erased"
FOUND: Final = ("originals", "markers", "uploads", "variants", "records", "owners", "letters")
ATTEMPTS: Final = 3  # to begin an erasure
MOST_NAMED: Final = 1000  # of one kind: an item has at most 400 KB
_READER: Final = TypeDeserializer()


@dataclass(frozen=True, slots=True)
class Intent:
    """The wish to erase one object.

    Args:
        id: of the receipt; begins with the time of the request.
        by: who requested it.
        owner: the partition key of the owner's item, such as ``caller:key/a1b2``; empty where there is none.
        found: what was found to delete, by the kinds in `FOUND`: ids of versions, sort keys, ids of messages.
        uncached_at: until when caches may have a variant, in seconds since the epoch.
        requests: how often it was requested: one that came after the last look is not covered by that.
    """

    id: str
    bucket: str
    key: str
    by: str
    asked_at: int
    owner: str = ""
    found: Mapping[str, Collection[str]] = field(default_factory=dict)
    uncached_at: int = 0
    requests: int = 1

    @property
    def object(self) -> str:
        """The partition key of the object's items."""
        return f"{self.bucket}/{self.key}"

    @property
    def digest(self) -> str:
        """The name by which an erased object is known: SHA-256 of ``bucket/key``."""
        return hashlib.sha256(self.object.encode()).hexdigest()


def new_intent(
    bucket: str, key: str, *, by: str, now: float, owner: str = "", token: Callable[[], str] = lambda: uuid.uuid4().hex
) -> Intent:
    """An intent with an id of its own, requested ``now`` (seconds since the epoch)."""
    number = f"{datetime.fromtimestamp(int(now), UTC):%Y%m%dT%H%M%SZ}-{token()[:12]}"
    return Intent(number, bucket, key, by, int(now), owner)


class ErasureTable:
    """The items of erasures, and those that an erasure deletes.

    Args:
        client: a boto3 DynamoDB client.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._dynamodb = client
        self._name = name
        self._images = ImagesTable(client, name)

    def begin(self, intent: Intent) -> Intent:
        """Write the intent, or request the one again that is there.

        Raises:
            Conflict: erasures of the object ended again and again.
        """
        values = {"id": intent.id, "target": intent.object, "by": intent.by, "asked_at": intent.asked_at}
        item = _key(PENDING, intent.digest) | attributes(values | {"owner": intent.owner or None, "requests": 1})
        name = {"#object": "object"}
        for _ in range(ATTEMPTS):
            is_new = self._write(
                "put_item",
                Item=item,
                ConditionExpression="attribute_not_exists(#object)",
                ExpressionAttributeNames=name,
            )
            if is_new:
                return intent
            self._write(
                "update_item",
                Key=_key(PENDING, intent.digest),
                UpdateExpression="ADD #requests :one",
                ConditionExpression="attribute_exists(#object)",
                ExpressionAttributeNames=name | {"#requests": "requests"},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
            if known := self.find(intent.digest):
                return known
        raise Conflict(f"the erasure {intent.id}: others of the object began and ended {ATTEMPTS} times")

    def find(self, digest: str) -> Intent | None:
        """The intent for the object with this digest; None when it is not being erased."""
        item = self._get(_key(PENDING, digest))
        return _intent(item) if item else None

    def pending(self) -> list[Intent]:
        """Every erasure that has not ended, the oldest first."""
        items = items_of(self._dynamodb, "query", TableName=self._name, **partition(PENDING))
        return sorted(map(_intent, items), key=lambda intent: intent.id)

    def add(self, intent: Intent, kind: str, names: Collection[str], *, uncached_at: int = 0) -> Intent:
        """Record what was found of one kind, before it is deleted, and until when caches may have it.

        Raises:
            ErasureEnded: another worker has finished this erasure.
        """
        known = frozenset(intent.found.get(kind, ()))
        new = sorted(set(names) - known)[: max(0, MOST_NAMED - len(known))]
        until = max(uncached_at, intent.uncached_at)
        if not new and until == intent.uncached_at:
            return intent
        names_used = {"#object": "object", "#uncached_at": "uncached_at"} | ({"#found": kind} if new else {})
        is_pending = self._write(
            "update_item",
            Key=_key(PENDING, intent.digest),
            UpdateExpression="SET #uncached_at = :until" + (" ADD #found :new" if new else ""),
            ConditionExpression="attribute_exists(#object)",
            ExpressionAttributeNames=names_used,
            ExpressionAttributeValues={":until": {"N": str(until)}} | ({":new": {"SS": new}} if new else {}),
        )
        if not is_pending:
            raise ErasureEnded(f"the erasure {intent.id} has ended")
        found = {**intent.found, kind: known | set(new)}
        return replace(intent, found=found, uncached_at=until)

    def records(self, intent: Intent) -> list[Record]:
        """The records of every version of the object, and of its removals."""
        return self._images.versions(intent.bucket, intent.key)

    def delete_record(self, record: Record) -> bool:
        """Delete an item; False if a worker has written it since it was read."""
        return self._write(
            "delete_item",
            Key=record.version.item_key,
            ConditionExpression="attribute_not_exists(#object) OR (#owner = :owner AND #status = :status)",
            ExpressionAttributeValues={":owner": {"S": record.owner}, ":status": {"S": record.status}},
            ExpressionAttributeNames={f"#{name}": name for name in ("object", "owner", "status")},
        )

    def has_owner(self, intent: Intent) -> bool:
        """Whether the item that gives the image to its caller exists."""
        return bool(intent.owner and self._get(_owner_key(intent)))

    def delete_owner(self, intent: Intent) -> None:
        """Take the image from its caller, who then has no image with this id."""
        self._write("delete_item", Key=_owner_key(intent))

    def owners(self, ids: Collection[str]) -> dict[str, str]:
        """The owners' partition keys by the ids of their images, by a scan: an owner's item is found by its caller."""
        if not ids:
            return {}
        items = items_of(
            self._dynamodb,
            "scan",
            TableName=self._name,
            FilterExpression="begins_with(#object, :caller)",
            ProjectionExpression="#object, #etag",
            ExpressionAttributeNames={"#object": "object", "#etag": "etag"},
            ExpressionAttributeValues={":caller": {"S": "caller:"}},
        )
        return {item["etag"]["S"]: item["object"]["S"] for item in items if item["etag"]["S"] in ids}

    def end(self, intent: Intent, receipt: Mapping[str, Any]) -> bool:
        """Write the receipt and then remove the intent; False if the erasure was requested again meanwhile."""
        text = json.dumps(receipt, sort_keys=True)
        self._write("put_item", Item=_key(FINISHED, intent.id) | attributes({"receipt": text}))
        return self._write(
            "delete_item",
            Key=_key(PENDING, intent.digest),
            ConditionExpression="attribute_not_exists(#object) OR #requests = :requests",
            ExpressionAttributeNames={"#object": "object", "#requests": "requests"},
            ExpressionAttributeValues={":requests": {"N": str(intent.requests)}},
        )

    def _get(self, key: Attributes) -> Attributes:
        with translating_errors("dynamodb:GetItem"):
            answer = self._dynamodb.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        item: Attributes = answer.get("Item", {})
        return item

    def _write(self, operation: str, **request: Any) -> bool:
        """One write; False if its condition was not met."""
        with translating_errors(f"dynamodb:{operation.title().replace('_', '')}"):
            try:
                getattr(self._dynamodb, operation)(TableName=self._name, **request)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _key(partition_key: str, sort_key: str) -> Attributes:
    return attributes({"object": partition_key, "etag": sort_key})


def _owner_key(intent: Intent) -> Attributes:
    return _key(intent.owner, intent.key.rpartition("/")[2])


def _intent(item: Attributes) -> Intent:
    plain = {name: _READER.deserialize(value) for name, value in item.items()}
    bucket, _, key = plain["target"].partition("/")
    return Intent(
        plain["id"],
        bucket,
        key,
        by=plain["by"],
        asked_at=int(plain["asked_at"]),
        owner=plain.get("owner", ""),
        found={kind: frozenset(plain[kind]) for kind in FOUND if kind in plain},
        uncached_at=int(plain.get("uncached_at", 0)),
        requests=int(plain["requests"]),
    )
