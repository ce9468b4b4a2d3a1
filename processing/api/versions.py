"""What the ledger has of objects: all versions of one, and of the many in a list.

An object's versions are one partition, so that telling them takes a Query each. Nearly every object has one version
for ever, though: once that was seen, it is read by its name, and so is the item that tells of a removal, those of fifty
objects in one BatchGetItem. Whether there are more versions by now is asked again after a minute: only whoever has the
form can make one, by using it twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from boto3.dynamodb.types import TypeDeserializer

from processing.api.state import Version
from processing.aws import calling
from processing.ledger import REMOVED_KEY, ImageRecord, Status, VariantRecord

THREADS: Final = 8  # that ask for one thing each
TRUSTED_SECONDS: Final = 60  # for which an object's only version is taken for its only one
MOST_KNOWN: Final = 10_000  # objects; a megabyte or two
MOST_READS: Final = 100  # items in one BatchGetItem

Item = Mapping[str, Any]


class Versions(Protocol):
    """The ledger, read."""

    def of(self, key: str) -> list[Version]: ...
    def of_many(self, keys: Sequence[str]) -> list[list[Version]]: ...


class DynamoVersions:
    """The ledger's items in the images table.

    Args:
        client: a boto3 DynamoDB client.
        clock: seconds since the epoch.
    """

    def __init__(self, client: Any, *, table: str, uploads_bucket: str, clock: Callable[[], float]) -> None:
        self._dynamodb = client
        self._table = table
        self._bucket = uploads_bucket
        self._clock = clock
        self._only: dict[str, tuple[str, float]] = {}  # the ETag of an object's only version, and until when it is that

    def of(self, key: str) -> list[Version]:
        """All versions of an object in the uploads bucket, as they are now."""
        return _versions(self._query(key))

    def of_many(self, keys: Sequence[str]) -> list[list[Version]]:
        """Those of each object, as they are now; one that came within the last minute may be missing."""
        found = self._read(keys)
        unknown = [key for key in keys if key not in found]
        with ThreadPoolExecutor(THREADS) as threads:
            asked = dict(zip(unknown, threads.map(self._query, unknown), strict=True))
        self._learn(asked)
        found |= asked
        return [_versions(found[key]) for key in keys]

    def _query(self, key: str) -> list[Item]:
        """One page of them, which is more than enough."""
        with calling("dynamodb:Query"):
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="#object = :object",
                ExpressionAttributeNames={"#object": "object"},
                ExpressionAttributeValues={":object": {"S": self._partition(key)}},
                ConsistentRead=True,
            )
        return list(answer["Items"])

    def _read(self, keys: Sequence[str]) -> dict[str, list[Item]]:
        """What is known by name; nothing of an object whose only version DynamoDB did not give."""
        now = self._clock()
        known = {key: self._only[key][0] for key in keys if key in self._only and now < self._only[key][1]}
        names = [(self._partition(key), etag) for key, only in known.items() for etag in (only, REMOVED_KEY)]
        items: list[Item] = []
        for at in range(0, len(names), MOST_READS):
            items += self._get(names[at : at + MOST_READS])
        whose = {self._partition(key): key for key in known}
        found: dict[str, list[Item]] = {}
        for item in items:
            found.setdefault(whose[item["object"]["S"]], []).append(item)
        return {key: of_key for key, of_key in found.items() if known[key] in map(_etag, of_key)}

    def _get(self, names: Sequence[tuple[str, str]]) -> list[Item]:
        keys = [{"object": {"S": partition}, "etag": {"S": etag}} for partition, etag in names]
        with calling("dynamodb:BatchGetItem"):
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
        put_off = {key["object"]["S"] for key in answer["UnprocessedKeys"].get(self._table, {}).get("Keys", ())}
        return [item for item in answer["Responses"].get(self._table, ()) if item["object"]["S"] not in put_off]

    def _learn(self, asked: Mapping[str, Sequence[Item]]) -> None:
        if len(self._only) + len(asked) > MOST_KNOWN:
            self._only.clear()
        until = self._clock() + TRUSTED_SECONDS
        self._only |= {key: (_etag(items[0]), until) for key, items in asked.items() if len(items) == 1}

    def _partition(self, key: str) -> str:
        return f"{self._bucket}/{key}"


def _etag(item: Item) -> str:
    etag: str = item["etag"]["S"]
    return etag


def _versions(items: Iterable[Item]) -> list[Version]:
    plain = ({name: TypeDeserializer().deserialize(value) for name, value in item.items()} for item in items)
    return [_version(item) for item in plain]


def _version(item: Mapping[str, Any]) -> Version:
    reason = item.get("reason", {})
    return Version(
        etag=item["etag"],
        status=Status(item["status"]),
        attempts=int(item.get("attempts", 0)),
        lease_until=int(item.get("lease_until", 0)),
        updated_at=int(item.get("updated_at", 0)),
        last_receive=item.get("last_receive", False),
        uploaded_at=item.get("uploaded_at"),
        cause=reason.get("class", ""),
        message=reason.get("message", ""),
        record=_record(item) if item["status"] == Status.DONE else None,
        tags=tuple(item.get("tags", ())),
    )


def _record(item: Mapping[str, Any]) -> ImageRecord:
    return ImageRecord(
        image_format=item["image_format"],
        mode=item["mode"],
        width=int(item["width"]),
        height=int(item["height"]),
        size_bytes=int(item["size_bytes"]),
        content_type=item["content_type"],
        has_transparency=item["has_transparency"],
        created_date=item.get("created_date"),
        variants=tuple(_variant(each) for each in item["variants"]),
        lost=tuple(item.get("lost", ())),
    )


def _variant(fields: Mapping[str, Any]) -> VariantRecord:
    numbers = {name: int(fields[name]) for name in ("width", "height", "bytes")}
    return VariantRecord(name=fields["name"], key=fields["key"], format=fields["format"], **numbers)
