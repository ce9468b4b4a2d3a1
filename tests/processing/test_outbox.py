"""The end of a version becomes an event: once in effect, whole, and never lost because the bus refuses it."""

import itertools
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # types-jsonschema is not pinned
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from processing.errors import CorruptImage
from processing.ledger import (
    REMOVED_KEY,
    Claim,
    Delivery,
    DynamoLedger,
    ImageRecord,
    Phase,
    Record,
    Status,
    VariantRecord,
    Version,
    read,
    reason_of,
)
from processing.ledger.item import attributes, image_attributes
from processing.links import cdn_link
from processing.outbox import LARGEST, Announcer, EventBus, ItemChange, NotTaken, entry_of, erased_entry, type_of
from tests.builders import client_error
from tests.processing.test_ledger import RECORD
from tests.table_stream import NOW, StreamedDynamoDB

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "events.schema.json").read_text())
CAT = Version("uploads", "images/cat.jpg", "e1")
FIRST, LAST = Delivery("m1", 1, "request-1"), Delivery("m1", 5, "request-5", last_receive=True)
REASON = reason_of(CorruptImage("broken off after 12 bytes"))


class Books:
    """A ledger on a table with a stream."""

    def __init__(self) -> None:
        self.table = StreamedDynamoDB()
        self.now = NOW
        tokens = map("token-{}".format, itertools.count(1))
        self.ledger = DynamoLedger(
            self.table,
            table="images",
            code_version="c0dec0dec0de",
            lease_seconds=90,
            clock=lambda: self.now,
            new_token=lambda: next(tokens),
        )

    def claim(self, delivery: Delivery = FIRST, version: Version = CAT, **more: Any) -> Claim:
        claim = self.ledger.claim(version, delivery, about={"uploaded_at": "2026-11-21T07:00:00.000Z"}, **more)
        assert isinstance(claim, Claim)
        return claim

    def events(self) -> list[dict[str, Any]]:
        """The events of what the deployed filters choose, checked against the schema."""
        return [event_of(read(record["dynamodb"]["NewImage"]), now=self.now) for record in self.table.chosen]


def event_of(record: Record, *, now: float = NOW) -> dict[str, Any]:
    entry = entry_of(record, variants_bucket="variants", cdn="", now=now)
    assert entry is not None
    event = {
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "time": entry["Time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": json.loads(entry["Detail"]),
    }
    jsonschema.Draft202012Validator(SCHEMA).validate(event)
    kind = "erased" if event["detail-type"] == "Image Erased" else "ended"
    assert undescribed(event["detail"], SCHEMA["$defs"][kind]) == []
    return event


def test_an_erasure_becomes_an_event_without_a_name() -> None:
    entry = erased_entry("receipt-1", "ab" * 32, NOW)
    event = {
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "time": entry["Time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": json.loads(entry["Detail"]),
    }

    jsonschema.Draft202012Validator(SCHEMA).validate(event)
    assert undescribed(event["detail"], SCHEMA["$defs"]["erased"]) == []
    assert (event["detail-type"], event["detail"]["id"]) == ("Image Erased", "receipt-1")


def undescribed(value: Any, schema: Mapping[str, Any], path: str = "detail") -> list[str]:
    """Every property that the schema does not name."""
    if isinstance(value, list):
        return [name for each in value for name in undescribed(each, schema.get("items", {}), f"{path}[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    below = [
        name for key in value.keys() & known.keys() for name in undescribed(value[key], known[key], f"{path}.{key}")
    ]
    return sorted(f"{path}.{key}" for key in value.keys() - known.keys()) + below


@pytest.fixture
def books() -> Books:
    return Books()


def finish(books: Books, how: str) -> None:
    match how:
        case "done":
            books.ledger.complete(books.claim(), RECORD)
        case "rejected":
            books.ledger.reject(books.claim(), REASON, FIRST)
        case "dead":
            books.ledger.fail(books.claim(LAST), REASON, LAST)
        case "superseded" | "removed":
            books.ledger.close(books.claim(), Status[how.upper()])


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("done", "Image Ready"),
        ("rejected", "Image Rejected"),
        ("dead", "Image Failed"),
        ("superseded", "Image Superseded"),
        ("removed", "Image Removed"),
    ],
)
def test_each_end_is_one_event_in_the_form_of_the_schema(books: Books, how: str, kind: str) -> None:
    finish(books, how)

    (event,) = books.events()
    assert (event["source"], event["detail-type"]) == ("darkroom", kind)
    detail = event["detail"]
    assert detail["object"] == {"bucket": "uploads", "key": "images/cat.jpg"}
    assert (detail["version"], detail["etag"], detail["attempts"]) == (1, "e1", 1)
    assert detail["ended_at"] == event["time"] == "2027-01-15T08:00:00Z"


def test_numbers_are_numbers_and_lists_are_lists(books: Books) -> None:
    finish(books, "done")

    detail = books.events()[0]["detail"]
    assert (detail["image"]["width"], detail["image"]["bytes"]) == (4000, 3_456_789)
    assert detail["image"]["lost"] == ["hdr_gain_map"]
    assert [each["name"] for each in detail["variants"]] == ["desktop", "tablet", "phone"]
    assert detail["variants"][2]["bucket"] == "variants"
    assert detail["variants"][2]["key"].startswith("phone/2026/11/")
    assert detail["variants"][2]["width"] == 1920


def test_on_a_cdn_each_variant_has_the_link_that_the_api_gives(books: Books) -> None:
    finish(books, "done")
    record = read(books.table.records[-1]["dynamodb"]["NewImage"])
    entry = entry_of(record, variants_bucket="variants", cdn="https://pictures.example.com", now=NOW)
    assert entry is not None

    links = [variant["link"] for variant in json.loads(entry["Detail"])["variants"]]
    assert links == [
        cdn_link("https://pictures.example.com", each.key, etag="e1", fingerprint=each.fingerprint)
        for each in record.variants
    ]
    assert undescribed(json.loads(entry["Detail"]), SCHEMA["$defs"]["ended"]) == []


def test_the_placeholder_is_ready_to_be_shown(books: Books) -> None:
    books.ledger.complete(books.claim(), replace(RECORD, placeholder="UklGRg==", color="#a0b1c2"))

    image = books.events()[0]["detail"]["image"]
    assert (image["placeholder"], image["color"]) == ("data:image/webp;base64,UklGRg==", "#a0b1c2")


def test_nothing_else_that_the_ledger_writes_is_an_event(books: Books) -> None:
    books.ledger.fail(books.claim(), REASON, FIRST)  # it comes back
    books.ledger.release(books.claim())
    books.claim()  # and its worker is killed

    assert books.table.chosen == []
    assert len(books.table.records) == 5


def test_tags_on_a_finished_image_are_no_event(books: Books) -> None:
    finish(books, "done")
    books.table.update_item(
        TableName="images",
        Key=CAT.item_key,
        UpdateExpression="SET #tags = :tags",
        ConditionExpression="#status = :done",
        ExpressionAttributeNames={"#tags": "tags", "#status": "status"},
        ExpressionAttributeValues={
            f":{name}": value for name, value in attributes({"tags": ["cat"], "done": "DONE"}).items()
        },
    )

    assert len(books.table.chosen) == 1


def test_another_recipe_is_another_event(books: Books) -> None:
    finish(books, "done")
    books.ledger.complete(
        books.claim(Delivery("m2", 1), over=read(books.table.records[-1]["dynamodb"]["NewImage"])), RECORD
    )

    one, two = books.events()
    assert one["detail"]["id"] != two["detail"]["id"]
    assert [each["detail-type"] for each in (one, two)] == ["Image Ready"] * 2


def test_an_end_that_is_read_again_has_the_same_id_whatever_was_tagged_meanwhile(books: Books) -> None:
    finish(books, "done")
    (event,) = books.events()
    record = read(books.table.records[-1]["dynamodb"]["NewImage"])

    assert event_of(replace(record, tags=("cat",)), now=NOW + 1e6) == event


def test_what_an_earlier_attempt_left_in_the_record_is_in_no_later_event(books: Books) -> None:
    books.ledger.fail(books.claim(), REASON, FIRST)
    books.ledger.close(books.claim(), Status.SUPERSEDED)
    books.ledger.complete(books.claim(), RECORD)
    done = read(books.table.records[-1]["dynamodb"]["NewImage"])
    books.ledger.reject(books.claim(Delivery("m2", 1), over=done), REASON, Delivery("m2", 1))

    superseded, ready, rejected = (event["detail"] for event in books.events())
    assert not superseded.keys() & {"reason", "image", "variants"}
    assert "reason" not in ready
    assert not rejected.keys() & {"image", "variants"}
    assert rejected["reason"]["cause"] == "CorruptImage"


def test_a_removal_has_the_etag_removed(books: Books) -> None:
    removals = replace(CAT, etag=REMOVED_KEY)
    books.ledger.close(books.claim(version=removals), Status.REMOVED)

    (event,) = books.events()
    assert (event["detail-type"], event["detail"]["etag"]) == ("Image Removed", "removed")


def test_the_ledger_knows_a_killed_image_when_its_last_lease_has_ended(books: Books) -> None:
    """The stream has no change of it; darkroom announce reads the table."""
    claim = books.claim(LAST)
    record = read(books.table.records[-1]["dynamodb"]["NewImage"])

    assert books.table.chosen == []
    assert type_of(record, NOW) is None
    event = event_of(record, now=claim.lease_until)
    assert (event["detail-type"], event["detail"]["reason"]["cause"]) == ("Image Failed", "killed")


def test_a_killed_image_that_ends_after_all_has_another_id(books: Books) -> None:
    claim = books.claim(LAST)
    killed = event_of(read(books.table.records[-1]["dynamodb"]["NewImage"]), now=claim.lease_until)
    books.ledger.complete(claim, RECORD)

    assert books.events()[0]["detail"]["id"] != killed["detail"]["id"]


def test_every_end_has_a_type_and_nothing_else_has() -> None:
    leases = (0, int(NOW) - 1, int(NOW) + 1)
    records = [
        Record(CAT, status, lease_until=lease, last_receive=last)
        for status in Status
        for lease in leases
        for last in (False, True)
    ]

    assert {record.phase(NOW) for record in records} == set(Phase)
    for record in records:
        assert (type_of(record, NOW) is not None) is record.phase(NOW).is_end


def huge(variants: int) -> Record:
    key = f"images/{'ü' * 200}.jpg"
    made = tuple(VariantRecord(f"v{n}", f"v{n}/{'ü' * 200}.jpg", "jpeg", 1, 1, 1) for n in range(variants))
    image = replace(RECORD, variants=made)
    item = Version("uploads", key, "e1").item_key | attributes({"status": "DONE", "owner": "t"})
    return read(item | image_attributes(image, Version("uploads", key, "e1")))


def test_an_event_that_is_too_large_for_the_bus_says_what_it_omits() -> None:
    small, large = event_of(huge(100))["detail"], event_of(huge(1000))["detail"]

    assert (len(small["variants"]), small.get("omitted")) == (100, None)
    assert "variants" not in large
    assert large["omitted"] == ["variants"]
    assert large["image"]["width"] == 4000


def test_an_event_fits_the_bus_however_large_its_parts_are(books: Books) -> None:
    record = replace(huge(1000), image=replace(RECORD, lost=("x" * LARGEST,)))

    assert event_of(record)["detail"]["omitted"] == ["variants", "image"]


class Bus:
    """EventBridge's client: takes what ``refuse`` has no code for, at most ten entries of 256 KB in all."""

    def __init__(self, *codes: str | Exception | None) -> None:
        self.taken: list[str] = []
        self.requests = 0
        self._codes = iter(codes)

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.requests += 1
        assert len(Entries) <= 10
        assert sum(len(json.dumps(each["Detail"], ensure_ascii=False)) for each in Entries) < 256 * 1024
        results = []
        for entry in Entries:
            code = next(self._codes, None)
            if isinstance(code, Exception):
                raise code
            if code is None:
                assert entry["EventBusName"] == "bus"
                self.taken.append(json.loads(entry["Detail"])["object"]["key"])
            results.append({"EventId": "e"} if code is None else {"ErrorCode": code, "ErrorMessage": "later"})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}


def changes(count: int) -> list[ItemChange]:
    return [ItemChange(str(100 + number), item(f"images/{number}.jpg")) for number in range(count)]


def item(key: str) -> dict[str, Any]:
    version = Version("uploads", key, "e1")
    return version.item_key | attributes({"status": "DONE", "owner": key}) | image_attributes(short(key), version)


def short(key: str) -> ImageRecord:
    variants = (VariantRecord("phone", f"phone/{key.removeprefix('images/')}", "jpeg", 1, 1, 1),)
    return replace(RECORD, variants=variants)


def announcer(bus: Bus) -> Announcer:
    return Announcer(EventBus(bus, "bus"), "variants", "", lambda: NOW)


def test_a_batch_is_put_ten_events_at_a_time_in_its_order() -> None:
    bus = Bus()

    assert announcer(bus).announce(changes(25)) is None
    assert bus.requests == 3
    assert bus.taken == [f"images/{number}.jpg" for number in range(25)]


@pytest.mark.parametrize(("refused", "first"), [((0,), "100"), ((12, 14), "112"), ((24,), "124")])
def test_the_stream_is_read_again_from_the_first_event_that_the_bus_refused(refused: Sequence[int], first: str) -> None:
    codes = ["ThrottlingException" if number in refused else None for number in range(25)]
    bus = Bus(*codes)

    assert announcer(bus).announce(changes(25)) == first
    assert bus.requests == refused[0] // 10 + 1


@pytest.mark.parametrize(
    "failure",
    [
        client_error("InternalException", 500, "PutEvents"),
        client_error("AccessDeniedException", 403, "PutEvents"),
        EndpointConnectionError(endpoint_url="x"),
    ],
)
def test_a_request_that_fails_altogether_is_tried_again_from_its_first_event(failure: Exception) -> None:
    assert announcer(Bus(*[None] * 10, failure)).announce(changes(25)) == "110"


def test_a_bug_in_our_request_is_raised() -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        announcer(Bus(client_error("ValidationException", 400, "PutEvents"))).announce(changes(1))


def test_large_events_share_no_request() -> None:
    large = replace(huge(400), owner="t")
    entry = entry_of(large, variants_bucket="variants", cdn="", now=NOW)
    assert entry is not None
    assert LARGEST / 2 < len(entry["Detail"].encode()) < LARGEST
    bus = Bus()

    EventBus(bus, "bus").put([entry] * 3)

    assert bus.requests == 3


def test_a_refusal_says_how_many_were_taken_and_why() -> None:
    entries = [entry_of(read(each.item), variants_bucket="variants", cdn="", now=NOW) for each in changes(12)]

    with pytest.raises(NotTaken, match="ThrottlingException: later") as refused:
        EventBus(Bus(*[None] * 11, "ThrottlingException"), "bus").put([entry for entry in entries if entry])

    assert (refused.value.taken, refused.value.cause) == (11, "ThrottlingException")


def test_an_item_that_cannot_be_read_keeps_none_before_it_back_and_is_no_success(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bus = changes(5), Bus()
    broken = [*good[:3], ItemChange("103", {"object": {"S": "no status"}}), *good[4:]]
    caplog.set_level(logging.INFO, "darkroom")

    assert announcer(bus).announce(broken) == "103"
    assert len(bus.taken) == 3
    with pytest.raises(KeyError):  # so that Lambda counts an error
        announcer(bus).announce(broken[3:])


def test_a_change_that_is_no_end_is_passed_over() -> None:
    bus = Bus("ThrottlingException")
    working = ItemChange("99", CAT.item_key | attributes({"status": "IN_PROGRESS", "lease_until": int(NOW) + 5}))

    assert announcer(bus).announce([working]) is None
    assert announcer(bus).announce([working, *changes(1)]) == "100"
