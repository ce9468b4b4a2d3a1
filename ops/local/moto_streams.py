"""What moto lacks for events: a table's stream that keeps its records, and a bus that CloudFormation knows by name."""

from typing import Any, Final

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamRecord, StreamShard
from moto.events.models import EventBus

from ops.local.moto_probes import PLACE
from ops.local.patch import Patch

VIEW: Final = "NEW_AND_OLD_IMAGES"


def patches() -> list[Patch]:
    """Both, in the order in which they are applied."""
    return [
        Patch(
            "a stream that keeps its records and invokes nothing",
            keeps_its_records,
            replaces=[(StreamShard, "add", lambda _: add_to_stream)],
            uses=[(StreamShard, "get"), *((_table(), name) for name in ("stream_specification", "table_key_attrs"))],
        ),
        Patch(
            "an event bus that CloudFormation knows by its name",
            lambda: hasattr(EventBus, "physical_resource_id"),
            new=[(EventBus, "physical_resource_id", property(lambda bus: bus.name))],
            uses=[(_bus(), "name")],
        ),
    ]


def add_to_stream(shard: Any, old: Any, new: Any) -> None:
    """``StreamShard.add`` for a player: moto invokes each mapping's function, with docker, and empties the stream then.

    Nor is there a record of the bare key that moto writes first where UpdateItem makes an item.
    """
    table = shard.table
    if old is None and set(new.attrs) <= set(table.table_key_attrs):
        return
    kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    view = table.stream_specification["StreamViewType"]
    shard.items.append(StreamRecord(table, view, kind, old, new, shard.starting_sequence_number + len(shard.items)))


def keeps_its_records() -> bool:
    """Whether an UpdateItem that makes an item leaves one record in the stream, and a mapping alone."""

    class ReadError(Exception):
        pass

    class Mapping:
        def __getattr__(self, name: str) -> Any:
            raise ReadError(name)

    backend = DynamoDBBackend(*PLACE)
    table = _table(backend)
    table.lambda_event_source_mappings[f"arn:aws:lambda:{PLACE[0]}:{PLACE[1]}:function:probe"] = Mapping()
    try:
        backend.update_item("probe", {"k": {"S": "one"}}, "SET v = :v", {}, {":v": {"S": "value"}})
    except ReadError:
        return False
    return len(table.stream_shard.items) == 1


def _bus() -> Any:
    """A bus that belongs to nobody."""
    made: Any = EventBus
    return made(PLACE[1], PLACE[0], "probe")


def _table(backend: Any = None) -> Any:
    """A table with a stream that belongs to nobody."""
    return (backend or DynamoDBBackend(*PLACE)).create_table(
        "probe",
        schema=[{"AttributeName": "k", "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": "k", "AttributeType": "S"}],
        global_indexes=[],
        indexes=[],
        streams={"StreamEnabled": True, "StreamViewType": VIEW},
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
