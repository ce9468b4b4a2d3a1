"""Reads that cost what they return, not what is stored.

moto sorts a whole table for each Query, copies a whole bucket for each page of its versions, and looks for ten types in
each attribute of an answer: with 11,000 images, the 51 queries of a page took 5.7 seconds, and the API answered 503.
Each replacement hands moto a table or a bucket with only what the request can return, so that the answer is moto's own;
no index has to be kept up to date. As they were: a Scan, and a listing of versions with a delimiter.
"""

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from operator import attrgetter, methodcaller
from typing import Any, Final, TypeVar

from moto.core.serialize import JSONSerializer, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.utils import _VersionedKeyStore

from ops.local import moto_s3_probes
from ops.local.moto_probes import BACKLOG, PLACE, lines_run
from ops.local.patch import Patch

ATTRIBUTE_VALUE: Final = "AttributeValue"  # the shape of DynamoDB's {"S": ...}, of which one member is there
NUMBER: Final = "N"  # its text is in another order
LINES_OF_AN_ATTRIBUTE: Final = 400  # moto runs 1,200

USED_OF_A_TABLE: Final = ("items", "hash_key_attr", "range_key_attr", "range_key_type")
USED_OF_KEYS: Final = ("getlist", "setlist")

Thing = TypeVar("Thing")
Read = Callable[..., Any]
Start = Mapping[str, Any] | None


def patches() -> list[Patch]:
    """All of them, in the order in which they are applied."""
    return [
        Patch(
            "a Query that costs its page",
            queries_a_page,
            replaces=[(Table, "query", within_the_page)],
            uses=[(_table(0), name) for name in USED_OF_A_TABLE],
        ),
        Patch(
            "a page of keys that costs its keys",
            lambda: moto_s3_probes.lists_at_constant_cost("list-type=2&max-keys=1"),
            replaces=[(S3Backend, "list_objects_v2", after_its_start)],
            uses=[(S3Backend(*PLACE), "_pagination_tokens"), *((_VersionedKeyStore, name) for name in USED_OF_KEYS)],
        ),
        Patch(
            "a page of versions that costs its versions",
            lambda: moto_s3_probes.lists_at_constant_cost("versions&max-keys=1"),
            replaces=[(S3Backend, "list_object_versions", from_its_marker)],
            uses=[(S3Backend, "get_bucket"), *((_VersionedKeyStore, name) for name in USED_OF_KEYS)],
        ),
        Patch(
            "attributes that cost the one type they have",
            writes_one_member,
            replaces=[(ResponseSerializer, "_serialize_structure_member", without_absent_types)],
        ),
    ]


def within_the_page(query: Read) -> Read:
    """``Table.query`` over the items that can be in its answer."""

    @functools.wraps(query)
    def answer(
        table: Any,
        hash_key: Any,
        range_comparison: str | None,
        range_objs: Any,
        limit: int | None,
        start: Start,
        forward: bool,
        projection: Any,
        index_name: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if index_name:
            items = _matching(table, kwargs.get("hash_key_conditions") or ())
        elif hash_key in table.items:
            filters = kwargs.keys() - {"hash_key_conditions", "range_key_conditions"}
            most = None if range_comparison or filters else limit  # moto counts those that match
            items = {hash_key: _page(table, hash_key, start, most, forward=forward)}
        else:
            items = {}
        given = (hash_key, range_comparison, range_objs, limit, start, forward, projection, index_name, *args)
        return query(_changed(table, items=items), *given, **kwargs)

    return answer


def after_its_start(list_objects: Read) -> Read:
    """``S3Backend.list_objects_v2`` of the keys that can be on the page."""

    @functools.wraps(list_objects)
    def listed(
        backend: Any,
        bucket: Any,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> Any:
        after = backend._pagination_tokens.get(continuation_token) if continuation_token else start_after
        names = _names(bucket, prefix or "", (after or "").__lt__)
        if not delimiter:
            stored = (name for name in names if not isinstance(bucket.keys[name], FakeDeleteMarker))
            names = list(islice(stored, max_keys + 1))
        return list_objects(
            *(backend, _with_keys(bucket, names), prefix, delimiter, continuation_token, start_after, max_keys)
        )

    return listed


def from_its_marker(list_versions: Read) -> Read:
    """``S3Backend.list_object_versions`` of the keys that can be on the page."""

    @functools.wraps(list_versions)
    def listed(
        backend: Any,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int | None = 1000,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> Any:
        marker, bucket = key_marker or "", backend.get_bucket(bucket_name)
        if marker and not marker.startswith(prefix):
            return list_versions(backend, bucket_name, delimiter, key_marker, max_keys, prefix, version_id_marker)
        names = _names(bucket, prefix, marker.__le__)
        if not delimiter and max_keys is not None:
            names = names[: max_keys + 2]  # the marker's own before them, and one that shows that there are more
        page = _with_keys(bucket, names)
        return list_versions(
            *(_changed(backend, get_bucket=lambda _: page), bucket_name, delimiter, key_marker, max_keys),
            *(prefix, version_id_marker),
        )

    return listed


def without_absent_types(serialize_member: Read) -> Read:
    """``ResponseSerializer._serialize_structure_member`` that passes over the types that an attribute has not."""

    @functools.wraps(serialize_member)
    def serialized(serializer: Any, to: Any, value: Any, shape: Any, key: str) -> None:
        if shape.parent.name != ATTRIBUTE_VALUE or not isinstance(value, dict) or key in value:
            serialize_member(serializer, to, value, shape, key)

    return serialized


def _page(table: Any, hash_key: Any, start: Start, most: int | None, *, forward: bool) -> Any:
    """Of a partition's items those behind ``start``, of these the first ``most``, and one that shows there are more.

    All of them where moto compares more than the text of two sort keys.
    """
    partition = table.items[hash_key]
    if table.range_key_attr is None or table.range_key_type == NUMBER:
        return partition
    keys = sorted(partition, key=attrgetter("value"))
    if start is not None:
        if [*start.get(table.range_key_attr, ())] != [table.range_key_type] or (
            start.get(table.hash_key_attr) != {hash_key.type: hash_key.value}
        ):
            return partition
        (text,) = start[table.range_key_attr].values()
        texts = [key.value for key in keys]
        keys = keys[bisect_right(texts, text) :] if forward else keys[: bisect_left(texts, text)]
    if most is not None:
        keys = keys[: most + 1] if forward else keys[-most - 1 :]
    return {key: partition[key] for key in keys}


def _matching(table: Any, conditions: Iterable[tuple[str, Any]]) -> dict[Any, Any]:
    """The items of a table that have these values."""
    wanted = list(conditions)

    def matches(item: Any) -> bool:
        return all((value := item.attrs.get(name)) is not None and value == each for name, each in wanted)

    if table.range_key_attr is None:
        return {key: item for key, item in table.items.items() if matches(item)}
    return {
        hash_key: {key: item for key, item in partition.items() if matches(item)}
        for hash_key, partition in table.items.items()
    }


def _names(bucket: Any, prefix: str, is_behind: Callable[[str], Any]) -> list[str]:
    """The keys with a prefix of which this is true, in order."""
    return sorted(filter(is_behind, filter(methodcaller("startswith", prefix), bucket.keys)))


def _with_keys(bucket: Any, names: Iterable[str]) -> Any:
    """The bucket, with these of its keys."""
    keys = type(bucket.keys)()
    for name in names:
        keys.setlist(name, bucket.keys.getlist(name))
    return _changed(bucket, keys=keys)


def _changed(thing: Thing, **attributes: Any) -> Thing:
    """The same, with other attributes; moto keeps a list of each that its constructor makes."""
    made: Thing = object.__new__(type(thing))
    vars(made).update(vars(thing) | attributes)
    return made


def queries_a_page() -> bool:
    """Whether a Query costs the same with more items in its partition, and in the table."""
    query: tuple[Any, ...] = (DynamoType({"S": "one"}), None, [], 1, None, False, [])
    few, many = (lines_run(functools.partial(_table(count).query, *query)) for count in (BACKLOG, 2 * BACKLOG))
    return many < few + BACKLOG


def writes_one_member() -> bool:
    """Whether an attribute is written into an answer without a look for each of the types that it has not."""
    operation = get_service_model("dynamodb").operation_model("GetItem")
    item = {str(number): {"S": "text"} for number in range(BACKLOG)}
    serializer = JSONSerializer(operation, value_picker=XFormedAttributePicker())
    return lines_run(lambda: serializer.serialize({"Item": item})) < BACKLOG * LINES_OF_AN_ATTRIBUTE


def _table(count: int) -> Any:
    """A table that belongs to nobody, with so many items in a partition, and as many with one of their own."""
    schema = [{"AttributeName": "hash", "KeyType": "HASH"}, {"AttributeName": "range", "KeyType": "RANGE"}]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("hash", "range")]
    made: Any = Table
    table = made("probe", PLACE[1], PLACE[0], schema=schema, attr=attributes)
    for number in range(count):
        for partition in ("one", f"other {number}"):
            table.put_item({"hash": {"S": partition}, "range": {"S": f"{number:04}"}})
    return table
