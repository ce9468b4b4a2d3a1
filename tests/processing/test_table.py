"""Records are read whatever DynamoDB puts off, and counted within a bound."""

from collections import Counter

import pytest

from processing.errors import Unavailable
from processing.ledger import ImagesTable, Status, Version
from processing.ledger.table import MOST_KEYS, ROUNDS


class Throttled:
    """BatchGetItem that puts off every key, the first so many times; every record is DONE."""

    def __init__(self, times):
        self.times, self.sizes = times, []

    def batch_get_item(self, RequestItems):  # noqa: N803 - boto3's name
        (request,) = RequestItems.values()
        self.sizes.append(len(request["Keys"]))
        if len(self.sizes) <= self.times:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return {"Responses": {"images": [key | {"status": {"S": "DONE"}} for key in request["Keys"]]}}


def versions(count):
    return [Version("uploads", f"images/{number}.jpg", "e1") for number in range(count)]


def test_any_number_of_records_is_read_each_once_in_requests_of_a_hundred():
    dynamodb, wanted = Throttled(0), versions(MOST_KEYS + 1)

    records = ImagesTable(dynamodb, "images").read([*wanted, wanted[0]])

    assert dynamodb.sizes == [MOST_KEYS, 1]
    assert {version: record.status for version, record in records.items()} == dict.fromkeys(wanted, Status.DONE)


def test_records_that_are_put_off_are_requested_again_after_pauses_that_grow():
    pauses: list[float] = []

    records = ImagesTable(Throttled(3), "images", pause=pauses.append).read(versions(1))

    assert Counter(record.status for record in records.values()) == {Status.DONE: 1}
    assert pauses == [0.05, 0.1, 0.2]


def test_records_that_are_put_off_again_and_again_are_given_up():
    pauses: list[float] = []
    dynamodb = Throttled(99)

    with pytest.raises(Unavailable, match="1 items were put off 6 times"):
        ImagesTable(dynamodb, "images", pause=pauses.append).read(versions(1))
    assert (len(dynamodb.sizes), len(pauses)) == (ROUNDS, ROUNDS - 1)
