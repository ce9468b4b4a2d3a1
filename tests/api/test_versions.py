"""What the ledger has of many objects is told with few requests, and truly."""

from typing import Any

import pytest

from api.versions import CACHE_SECONDS, Versions
from processing.ledger import REMOVED_KEY, Delivery, ImagesTable, Reason, Status
from processing.ledger.table import MOST_KEYS
from tests.api.conftest import Clock, Stage, key

IDS = [f"{'0' * 25}{number}-cat.jpg" for number in range(5)]
KEYS = [key(image_id) for image_id in IDS]


class Counted:
    """A client that remembers what was asked of it; ``put_off`` are the objects that a batch leaves for later."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.asked: list[str] = []
        self.put_off: set[str] = set()

    def query(self, **parameters: Any) -> Any:
        self.asked.append("Query")
        return self._client.query(**parameters)

    def batch_get_item(self, **parameters: Any) -> Any:
        self.asked.append("BatchGetItem")
        wanted = parameters["RequestItems"]["images"]["Keys"]
        assert len(wanted) <= MOST_KEYS
        answer = self._client.batch_get_item(**parameters)
        late = [each for each in wanted if each["object"]["S"] in self.put_off][1:]  # only the first of each is told
        told = [each for each in answer["Responses"]["images"] if {n: each[n] for n in ("object", "etag")} not in late]
        unprocessed = {"images": {"Keys": late}} if late else {}
        return {"Responses": {"images": told}, "UnprocessedKeys": unprocessed}


@pytest.fixture
def client(stage: Stage) -> Counted:
    return Counted(stage.dynamodb)


@pytest.fixture
def versions(client: Counted, clock: Clock) -> Versions:
    return Versions(ImagesTable(client, "images", pause=lambda _: None), uploads_bucket="uploads", clock=clock)


@pytest.fixture
def seen(stage: Stage, versions: Versions, client: Counted) -> Versions:
    """All but the last object are done, and were asked for once."""
    for image_id in IDS[:4]:
        stage.finish(image_id)
    assert [[each.status for each in of_it] for of_it in versions.of_many(KEYS)] == [["DONE"]] * 4 + [[]]
    assert client.asked == ["Query"] * 5
    client.asked.clear()
    return versions


def test_what_was_seen_once_is_read_in_one_request_and_what_was_not_there_is_asked_for(
    seen: Versions, client: Counted
) -> None:
    found = seen.of_many(KEYS)

    assert client.asked == ["BatchGetItem", "Query"]
    assert found == [seen.of(each) for each in KEYS]


def test_many_more_than_a_batch_takes_are_read_in_several(versions: Versions, stage: Stage, client: Counted) -> None:
    ids = [f"{number:026}-cat.jpg" for number in range(60)]
    for image_id in ids:
        stage.claim(image_id)
    first = versions.of_many([key(each) for each in ids])
    client.asked.clear()

    assert versions.of_many([key(each) for each in ids]) == first
    assert client.asked == ["BatchGetItem"] * 2


def test_what_becomes_of_a_version_is_told_at_once(seen: Versions, stage: Stage, client: Counted) -> None:
    claim = stage.claim(IDS[4])
    begun = seen.of_many(KEYS)[4]
    stage.ledger.reject(claim, Reason("CorruptImage", "broken off"), Delivery("m1", 1))
    client.asked.clear()
    ended = seen.of_many(KEYS)[4]

    assert [each.status for each in begun + ended] == ["IN_PROGRESS", "REJECTED"]
    assert client.asked == ["BatchGetItem"]


def test_a_removal_is_told_at_once(seen: Versions, stage: Stage) -> None:
    claim = stage.claim(IDS[0], REMOVED_KEY)
    under_way = seen.of_many(KEYS)[0]
    stage.ledger.close(claim, Status.REMOVED)
    ended = seen.of_many(KEYS)[0]

    assert [each.status for each in under_way] == ["DONE", "IN_PROGRESS"]
    assert {each.status for each in ended} == {"DONE", "REMOVED"}


def test_another_version_is_told_after_a_minute_and_at_once_where_one_object_is_asked_for(
    seen: Versions, stage: Stage, clock: Clock
) -> None:
    stage.finish(IDS[0], "e2")

    assert len(seen.of(KEYS[0])) == 2
    assert len(seen.of_many(KEYS)[0]) == 1
    clock.now += CACHE_SECONDS
    assert len(seen.of_many(KEYS)[0]) == 2
    assert len(seen.of_many(KEYS)[0]) == 2  # and is never taken for the only one again


def test_what_dynamodb_puts_off_is_asked_for_by_itself(seen: Versions, stage: Stage, client: Counted) -> None:
    stage.ledger.close(stage.claim(IDS[0], REMOVED_KEY), Status.REMOVED)
    client.put_off = {f"uploads/{KEYS[0]}"}

    assert len(seen.of_many(KEYS[:4])[0]) == 2
    assert client.asked == ["BatchGetItem", "BatchGetItem"]


def test_a_version_that_is_gone_is_not_taken_for_one_that_was_never_there(
    seen: Versions, stage: Stage, client: Counted
) -> None:
    name = {"object": {"S": f"uploads/{KEYS[0]}"}, "etag": {"S": "e1"}}
    stage.dynamodb.delete_item(TableName="images", Key=name)
    stage.ledger.close(stage.claim(IDS[0], REMOVED_KEY), Status.REMOVED)
    stage.finish(IDS[0], "e2")

    assert {each.status for each in seen.of_many(KEYS[:4])[0]} == {"DONE", "REMOVED"}
    assert client.asked == ["BatchGetItem", "Query"]
