"""The images table in memory, behind the interface of boto3's client: as much as the ledger and an erasure use."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from tests.dynamodb_expressions import Attribute, Condition, Item, Update, compile_condition, compile_update

KEY = frozenset(("object", "etag"))
_to_python: Callable[[Any], Any] = TypeDeserializer().deserialize


class MemoryDynamoDB:
    """One table, whose items have the key ``object`` and ``etag``."""

    def __init__(self, table: str = "images") -> None:
        self._table = table
        self._items: dict[tuple[str, str], Item] = {}
        self._lock = threading.Lock()

    @property
    def items(self) -> dict[tuple[str, str], "PlainItem"]:
        """Every item as it is now, by object and ETag."""
        return {key: PlainItem(item) for key, item in self._items.items()}

    def item(self, thing: str, etag: str) -> "PlainItem | None":
        """One item as it is now."""
        found = self._items.get((thing, etag))
        return None if found is None else PlainItem(found)

    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803 - boto3's names
        Key: Mapping[str, Attribute],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeNames: Mapping[str, str],  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Attribute],  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        """Change one item in one step, if the condition holds for it.

        Raises:
            ClientError: ConditionalCheckFailedException, with the item where ALL_OLD was asked for;
                ResourceNotFoundException, ValidationException.
        """
        if TableName != self._table:
            raise refused("ResourceNotFoundException", "Requested resource not found")
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        update, condition = compile_update(UpdateExpression), compile_condition(ConditionExpression)
        _validate(update, condition, names, values)
        key = (Key["object"]["S"], Key["etag"]["S"])
        with self._lock:
            old = self._items.get(key)
            if not condition.holds(old or {}, names, values):
                shown = old if ReturnValuesOnConditionCheckFailure == "ALL_OLD" else None
                raise refused("ConditionalCheckFailedException", "The conditional request failed", shown)
            self._items[key] = update.applied_to(old or Key, names, values)
        return {"Attributes": old} if old and ReturnValues == "ALL_OLD" else {}

    def put_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Item: Item,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: Mapping[str, str] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Write a whole item, if the condition holds for the one that is there."""
        with self._lock:
            key = (Item["object"]["S"], Item["etag"]["S"])
            self._check(key, ConditionExpression, ExpressionAttributeNames or {}, {}, "PutItem")
            self._items[key] = dict(Item)
        return {}

    def delete_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Mapping[str, Attribute],  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: Mapping[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Attribute] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Delete an item, if the condition holds for it."""
        key = (Key["object"]["S"], Key["etag"]["S"])
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        with self._lock:
            self._check(key, ConditionExpression, names, values, "DeleteItem")
            self._items.pop(key, None)
        return {}

    def get_item(self, *, TableName: str, Key: Mapping[str, Attribute], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        """One item, if it exists."""
        assert ConsistentRead
        found = self._items.get((Key["object"]["S"], Key["etag"]["S"]))
        return {"Item": found} if found else {}

    def query(self, *, ExpressionAttributeValues: Mapping[str, Attribute], **_: Any) -> dict[str, Any]:  # noqa: N803
        """All items of a partition: of the one condition that the ledger has."""
        wanted = ExpressionAttributeValues[":object"]["S"]
        with self._lock:
            return {"Items": [dict(item) for (thing, _), item in sorted(self._items.items()) if thing == wanted]}

    def _check(
        self, key: tuple[str, str], condition: str, names: Mapping[str, str], values: Mapping[str, Attribute], name: str
    ) -> None:
        if condition and not compile_condition(condition).holds(self._items.get(key, {}), names, values):
            raise refused("ConditionalCheckFailedException", "The conditional request failed", operation=name)


class PlainItem(Mapping[str, Any]):
    """An item that was read, with Python's values, each converted when it is looked at."""

    def __init__(self, item: Item) -> None:
        self._item = item

    def __getitem__(self, name: str) -> Any:
        return _to_python(self._item[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._item)

    def __len__(self) -> int:
        return len(self._item)


def _validate(update: Update, condition: Condition, names: Mapping[str, str], values: Mapping[str, Attribute]) -> None:
    """Refuse placeholders that are undefined or unused, paths that are written twice, and a changed key."""
    if names.keys() != condition.names.union(update.names) or values.keys() != condition.values | update.values:
        raise refused("ValidationException", "A placeholder of the expressions is undefined or unused")
    paths = {names[name] for name in update.names}
    if len(paths) != len(update.names):
        raise refused("ValidationException", "Two document paths overlap with each other")
    if not paths.isdisjoint(KEY):
        raise refused("ValidationException", "Cannot update attribute. This attribute is part of the key")


def refused(code: str, message: str, item: Item | None = None, operation: str = "UpdateItem") -> ClientError:
    """DynamoDB's refusal of a write, with the item where it shows one."""
    answer: dict[str, Any] = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    told: Any = answer | ({"Item": item} if item else {})  # botocore's types know no item in an error
    return ClientError(told, operation)
