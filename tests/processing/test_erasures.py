"""The items of erasures: on the table in memory and on moto's alike."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from processing.errors import ErasureEnded
from processing.ledger import Claim, Delivery, DynamoLedger, Version
from processing.ledger.erasures import FINISHED, MOST_NAMED, ErasureTable, new_intent
from tests.memory_dynamodb import MemoryDynamoDB
from tests.processing.conftest import Clock, create_images_table

INTENT = new_intent("uploads", "images/cat.jpg", by="key/anna", now=1_800_000_000, owner="caller:key/anna")
OTHER = new_intent("uploads", "images/dog.jpg", by="key/anna", now=1_800_000_001)


@pytest.fixture(params=["memory", "moto"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryDynamoDB()
        return
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb")
    create_images_table(client)
    yield client


@pytest.fixture
def table(client: Any) -> ErasureTable:
    return ErasureTable(client, "images")


def test_an_id_begins_with_the_time_of_its_request() -> None:
    assert INTENT.id.startswith("20270115T080000Z-")


def test_an_object_has_one_intent_however_often_it_is_requested(table: ErasureTable) -> None:
    first = table.begin(INTENT)

    again = table.begin(new_intent("uploads", "images/cat.jpg", by="key/anna", now=1_800_000_500))

    assert first == INTENT
    assert (again.id, again.requests) == (INTENT.id, 2)
    assert table.pending() == [again]


def test_pending_erasures_come_in_the_order_of_their_requests(table: ErasureTable) -> None:
    for intent in (OTHER, INTENT):
        table.begin(intent)

    assert [intent.key for intent in table.pending()] == ["images/cat.jpg", "images/dog.jpg"]


def test_what_was_found_is_kept_once(table: ErasureTable) -> None:
    intent = table.add(table.begin(INTENT), "variants", ["desktop/cat.jpg v1"], uncached_at=5)
    intent = table.add(intent, "variants", ["desktop/cat.jpg v1", "phone/cat.jpg v2"])
    table.add(intent, "records", ["e1"])

    found = table.find(INTENT.digest)

    assert found is not None
    assert found.found == {"variants": {"desktop/cat.jpg v1", "phone/cat.jpg v2"}, "records": {"e1"}}
    assert found.uncached_at == 5


def test_no_more_is_named_than_an_item_has_room_for(table: ErasureTable) -> None:
    table.add(table.begin(INTENT), "originals", [f"v{number}" for number in range(MOST_NAMED + 1)])

    found = table.find(INTENT.digest)

    assert found is not None
    assert len(found.found["originals"]) == MOST_NAMED


def test_nothing_is_added_to_an_erasure_that_has_ended(table: ErasureTable) -> None:
    intent = table.begin(INTENT)
    assert table.end(intent, {"receipt": intent.id})

    with pytest.raises(ErasureEnded):
        table.add(intent, "records", ["e1"])

    assert table.pending() == []
    assert table.find(INTENT.digest) is None


def test_an_end_leaves_the_receipt_and_may_be_repeated(table: ErasureTable, client: Any) -> None:
    intent = table.begin(INTENT)

    ends = [table.end(intent, {"receipt": intent.id}) for _ in range(2)]

    assert ends == [True, True]
    key = {"object": {"S": FINISHED}, "etag": {"S": intent.id}}
    item = client.get_item(TableName="images", Key=key, ConsistentRead=True)["Item"]
    assert item["receipt"] == {"S": f'{{"receipt": "{intent.id}"}}'}


def test_an_erasure_that_was_requested_again_does_not_end(table: ErasureTable) -> None:
    intent = table.begin(INTENT)
    table.begin(INTENT)

    assert not table.end(intent, {})

    assert table.find(INTENT.digest) is not None


def test_a_record_that_was_claimed_since_it_was_read_is_not_deleted(table: ErasureTable, client: Any) -> None:
    clock = Clock()
    ledger = DynamoLedger(client, table="images", code_version="c", lease_seconds=9, clock=clock)
    version = Version("uploads", "images/cat.jpg", "e1")
    ledger.claim(version, Delivery("m1", 1))
    (record,) = table.records(INTENT)
    clock.now += 10
    claim = ledger.claim(version, Delivery("m2", 1))

    is_deleted = table.delete_record(record)

    assert not is_deleted
    (found,) = table.records(INTENT)
    assert isinstance(claim, Claim)
    assert found.owner == claim.owner
    assert table.delete_record(found)
    assert table.delete_record(found), "it is gone already"
    assert table.records(INTENT) == []


def test_an_owners_item_is_found_by_its_caller_and_deleted(table: ErasureTable, client: Any) -> None:
    for sort_key in ("cat.jpg", "dog.jpg"):
        client.put_item(TableName="images", Item={"object": {"S": INTENT.owner}, "etag": {"S": sort_key}})
    assert table.has_owner(INTENT)

    table.delete_owner(INTENT)

    assert not table.has_owner(INTENT)
    assert not table.has_owner(OTHER)


def test_owners_are_found_by_the_ids_of_their_images(aws: None) -> None:
    client = boto3.client("dynamodb")
    create_images_table(client)
    for partition, sort_key in (("caller:key/anna", "a"), ("caller:key/ben", "b"), ("uploads/images/c", "a")):
        client.put_item(TableName="images", Item={"object": {"S": partition}, "etag": {"S": sort_key}})
    table = ErasureTable(client, "images")

    assert table.owners({"a", "x"}) == {"a": "caller:key/anna"}
    assert table.owners(set()) == {}
