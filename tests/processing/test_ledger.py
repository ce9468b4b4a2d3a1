"""The ledger on DynamoDB: on the table in memory and on moto's alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from processing.errors import Busy, Conflict, LeaseLost, RejectedEarlier, Unavailable
from processing.ledger import (
    Claim,
    Delivery,
    DynamoLedger,
    ImageRecord,
    Reason,
    Record,
    Status,
    VariantRecord,
    Version,
)
from processing.ledger.dynamo import REMOVED_SECONDS
from tests.builders import client_error, finished, recipe
from tests.processing.conftest import CODE, LEASE, Clock, LedgerBench

VERSION = Version("uploads", "images/cat.jpg", "e1")
FIRST = Delivery("m1", 1, "request-1")
SECOND = Delivery("m1", 2, "request-2")
REASON = Reason("CorruptImage", "broken off after 12 bytes", "f1")
RECORD = ImageRecord(
    image_format="jpeg",
    mode="RGB",
    width=4000,
    height=3000,
    size_bytes=3_456_789,
    content_type="image/jpeg",
    has_transparency=False,
    created_date="2026-05-04T12:13:14",
    variants=tuple(
        VariantRecord(name, f"{name}/2026/11/holiday-in-the-hills/IMG_20260504_121314.jpg", "jpeg", 1920, 1440, 345_678)
        for name in ("desktop", "tablet", "phone")
    ),
    lost=("hdr_gain_map",),
    timings={"fetch": 31, "render": 98, "publish": 84},
    placeholder="UklGRg==",
    color="#8a6b4f",
)


def claimed(ledger: DynamoLedger, delivery: Delivery = FIRST, version: Version = VERSION) -> Claim:
    claim = ledger.claim(version, delivery, about={"uploaded_at": "2026-11-21T07:00:00.000Z"})
    assert isinstance(claim, Claim)
    return claim


def writes(ledger: DynamoLedger, claim: Claim) -> dict[str, Callable[[], object]]:
    """Each of the ledger's methods, by name."""
    return {
        "claim": lambda: ledger.claim(VERSION, SECOND),
        "complete": lambda: ledger.complete(claim, RECORD),
        "settle": lambda: ledger.close(claim, Status.SUPERSEDED),
        "reject": lambda: ledger.reject(claim, REASON, FIRST),
        "fail": lambda: ledger.fail(claim, REASON, FIRST),
        "release": lambda: ledger.release(claim),
    }


def test_a_first_claim_wins_and_is_the_first_attempt(books: LedgerBench) -> None:
    claim = claimed(books.ledger)

    assert (claim.attempt, claim.earlier) == (1, False)
    assert books.clock.now + LEASE <= claim.lease_until < books.clock.now + LEASE + 1
    item = books.item(VERSION)
    assert item is not None
    assert (item["status"], item["owner"], item["attempts"]) == ("IN_PROGRESS", claim.owner, 1)
    assert item["code_version"] == CODE
    assert item["uploaded_at"] == "2026-11-21T07:00:00.000Z"


def test_a_live_lease_keeps_others_away_until_it_ends(books: LedgerBench) -> None:
    claim = claimed(books.ledger)

    with pytest.raises(Busy) as busy:
        books.ledger.claim(VERSION, Delivery("m2", 1))
    assert busy.value.lease_until == claim.lease_until


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.999])
def test_a_lease_lasts_no_less_than_it_should_and_is_live_to_its_last_moment(
    books: LedgerBench, fraction: float
) -> None:
    books.clock.now += fraction
    claim = claimed(books.ledger)
    assert books.clock.now + LEASE <= claim.lease_until < books.clock.now + LEASE + 1

    books.clock.now = claim.lease_until - 0.001

    with pytest.raises(Busy):
        books.ledger.claim(VERSION, SECOND)


def test_a_lease_that_has_ended_is_taken_over_as_a_later_attempt(books: LedgerBench) -> None:
    first = claimed(books.ledger)
    books.clock.now = first.lease_until

    second = claimed(books.ledger, SECOND)

    assert (second.attempt, second.earlier) == (2, True)
    assert second.owner != first.owner


def done_by(owner: str) -> Record:
    return Record(VERSION, Status.DONE, owner=owner)


def test_a_finished_version_is_not_claimed_again(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)

    record = books.ledger.claim(VERSION, Delivery("m2", 1))

    assert isinstance(record, Record)
    assert (record.version, record.status, record.owner, record.image) == (VERSION, Status.DONE, claim.owner, RECORD)


def test_a_finished_version_is_claimed_over_what_was_seen(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)

    again = books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by(claim.owner))

    assert isinstance(again, Claim)
    assert again.earlier


def test_only_one_of_two_claims_over_the_same_finished_version_wins(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)
    books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by(claim.owner))

    with pytest.raises(Busy):
        books.ledger.claim(VERSION, Delivery("m3", 1), over=done_by(claim.owner))


def test_a_claim_over_what_has_been_freed_meanwhile_wins_as_any_other(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)
    other = books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by(claim.owner))
    assert isinstance(other, Claim)
    books.ledger.fail(other, REASON, FIRST)

    assert isinstance(books.ledger.claim(VERSION, Delivery("m3", 1), over=done_by(claim.owner)), Claim)


def test_a_claim_knows_what_was_finished_before(books: LedgerBench) -> None:
    first = claimed(books.ledger)
    books.ledger.complete(first, RECORD)

    second = books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by(first.owner))
    assert isinstance(second, Claim)
    books.ledger.fail(second, REASON, FIRST)
    third = claimed(books.ledger)

    assert (first.image, second.image, third.image) == (None, RECORD, RECORD)


@pytest.mark.parametrize("status", [Status.SUPERSEDED, Status.REMOVED])
def test_what_was_settled_is_free_to_claim(books: LedgerBench, status: Status) -> None:
    books.ledger.close(claimed(books.ledger), status)
    assert (books.item(VERSION) or {})["status"] == status

    assert claimed(books.ledger).earlier


def test_a_failure_is_recorded_and_frees_the_version_at_once(books: LedgerBench) -> None:
    books.ledger.fail(claimed(books.ledger), Reason("SlowDown", "s3:GetObject: SlowDown"), FIRST)

    item = books.item(VERSION)
    assert item is not None
    assert item["status"] == "FAILED"
    assert item["reason"] == {
        "cause": "SlowDown",
        "message": "s3:GetObject: SlowDown",
        "attempt": 1,
        "request_id": "request-1",
    }
    assert claimed(books.ledger, SECOND).attempt == 2


def test_the_record_says_whether_it_was_the_last_receive_from_the_claim_on(books: LedgerBench) -> None:
    claim = claimed(books.ledger, replace(SECOND, last_receive=True))
    under_way = dict(books.item(VERSION) or {})
    books.ledger.fail(claim, Reason("SlowDown", "s3:GetObject: SlowDown"), replace(SECOND, last_receive=True))
    failed = dict(books.item(VERSION) or {})
    claimed(books.ledger, Delivery("of a redrive", 1))

    assert (under_way["status"], under_way["last_receive"]) == ("IN_PROGRESS", True)
    assert (failed["last_receive"], failed["reason"]["last"]) == (True, True)
    assert (books.item(VERSION) or {})["last_receive"] is False


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        pytest.param("x" * 300, "x" * 300, id="as long as it may be"),
        pytest.param("x" * 100_000, "x" * 300, id="of one byte a character"),
        pytest.param("é" * 1000, "é" * 150, id="of two"),
        pytest.param("x" + "写" * 1000, "x" + "写" * 99, id="of three, cut within one"),
        pytest.param("\N{CAMERA}" * 1000, "\N{CAMERA}" * 75, id="of four"),
        pytest.param("no text: \udcff", "no text: ?", id="no character at all"),
    ],
)
def test_a_reason_of_any_length_is_kept_within_its_bytes(books: LedgerBench, message: str, kept: str) -> None:
    books.ledger.fail(claimed(books.ledger), Reason("CorruptImage", message), FIRST)

    assert (books.item(VERSION) or {})["reason"]["message"] == kept


def test_the_messages_that_died_of_a_version_are_counted_until_it_is_done(books: LedgerBench) -> None:
    deaths = []
    for delivery in (FIRST, replace(SECOND, last_receive=True), Delivery("m2", 1, last_receive=True)):
        books.ledger.fail(claimed(books.ledger, delivery), REASON, delivery)
        deaths.append(deaths_of(books))
    rejected = Delivery("m3", 1)
    books.ledger.reject(claimed(books.ledger, rejected), REASON, rejected)

    assert [*deaths, deaths_of(books)] == [0, 1, 2, 3]
    books.ledger.complete(claimed(books.ledger, Delivery("m4", 1)), finished(recipe("phone"), VERSION.key))
    assert deaths_of(books) == 0


def deaths_of(books: LedgerBench) -> int:
    return int((books.item(VERSION) or {}).get("deaths", 0))


def test_the_message_of_a_bug_leaves_room_for_its_frames(books: LedgerBench) -> None:
    where = "imaging/steps.py:41 crop"
    books.ledger.fail(claimed(books.ledger), Reason("KeyError", "x" * 1000, "ab12cd34", where), FIRST)

    reason = (books.item(VERSION) or {})["reason"]
    assert (reason["where"], reason["message"]) == (where, "x" * (300 - len(where)))


def test_a_message_that_was_rejected_is_not_tried_again(books: LedgerBench) -> None:
    books.ledger.reject(claimed(books.ledger), REASON, FIRST)

    with pytest.raises(RejectedEarlier, match="broken off") as again:
        books.ledger.claim(VERSION, SECOND)
    assert again.value.cause == "CorruptImage"


@pytest.mark.parametrize(
    "delivery",
    [
        pytest.param(Delivery("m2", 1), id="another message"),
        pytest.param(Delivery("m2", 4), id="a later receive of another message"),
        pytest.param(Delivery("m1", 1), id="the first receive, whatever its id"),
    ],
)
def test_a_rejection_holds_for_its_own_message_only(books: LedgerBench, delivery: Delivery) -> None:
    books.ledger.reject(claimed(books.ledger), REASON, FIRST)

    assert claimed(books.ledger, delivery).attempt == 2


def test_a_rejection_does_not_outlive_the_code_and_recipe_it_was_made_by(books: LedgerBench) -> None:
    books.ledger.reject(claimed(books.ledger), REASON, FIRST)

    assert claimed(books.again("another code"), SECOND).attempt == 2


def test_a_finished_image_is_recorded_with_its_metadata(books: LedgerBench) -> None:
    books.ledger.complete(claimed(books.ledger), RECORD)

    item = books.item(VERSION)
    assert item is not None
    assert item["status"] == "DONE"
    assert (item["width"], item["height"], item["has_transparency"]) == (4000, 3000, False)
    assert [variant["name"] for variant in item["variants"]] == ["desktop", "tablet", "phone"]
    assert dict(item["timings"]) == {"fetch": 31, "render": 98, "publish": 84}
    assert "lease_until" not in item


def test_what_is_not_known_is_not_recorded(books: LedgerBench) -> None:
    books.ledger.complete(claimed(books.ledger), replace(RECORD, created_date=None))

    assert "created_date" not in (books.item(VERSION) or {})


def test_a_result_keeps_nothing_of_an_earlier_one(books: LedgerBench) -> None:
    books.ledger.complete(claimed(books.ledger), RECORD)
    done = books.ledger.claim(VERSION, SECOND)
    assert isinstance(done, Record)
    claim = books.ledger.claim(VERSION, SECOND, over=done)
    assert isinstance(claim, Claim)
    poorer = replace(RECORD, created_date=None, lost=(), placeholder="", color="")

    books.ledger.complete(claim, poorer)

    record = books.ledger.claim(VERSION, SECOND)
    assert isinstance(record, Record)
    assert record.image == poorer


def test_a_success_forgets_the_earlier_failure(books: LedgerBench) -> None:
    books.ledger.reject(claimed(books.ledger), REASON, FIRST)

    books.ledger.complete(claimed(books.ledger, Delivery("m2", 1)), RECORD)

    assert not {"reason", "message_id"} & set(books.item(VERSION) or {})


@pytest.mark.parametrize("write", ["complete", "settle", "reject", "fail", "release"])
def test_who_lost_the_lease_changes_nothing(books: LedgerBench, write: str) -> None:
    lost = claimed(books.ledger)
    books.clock.now = lost.lease_until
    claimed(books.ledger, SECOND)
    before = books.item(VERSION)

    with pytest.raises(LeaseLost):
        writes(books.ledger, lost)[write]()
    assert books.item(VERSION) == before


def test_a_released_claim_was_no_attempt(books: LedgerBench) -> None:
    claim = claimed(books.ledger)

    books.ledger.release(claim)
    books.ledger.release(claim)  # the first answer was lost

    again = claimed(books.ledger)
    assert (again.attempt, again.earlier) == (1, False)


def test_a_write_whose_answer_was_lost_may_be_sent_again(books: LedgerBench) -> None:
    claim = claimed(books.ledger)

    books.ledger.complete(claim, RECORD)
    books.ledger.complete(claim, RECORD)

    assert (books.item(VERSION) or {})["status"] == "DONE"


def test_a_failure_after_a_completion_whose_answer_was_lost_leaves_it_done(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)

    books.ledger.fail(claim, Reason("ReadTimeoutError", "dynamodb:UpdateItem"), FIRST)

    item = books.item(VERSION)
    assert item is not None
    assert item["status"] == "DONE"
    assert "reason" not in item


def test_versions_of_one_object_and_objects_of_one_etag_do_not_meet(books: LedgerBench) -> None:
    for version in (VERSION, replace(VERSION, etag="e2"), replace(VERSION, key="images/dog.jpg")):
        assert not claimed(books.ledger, version=version).earlier


LATER = {"uploaded_at": "2026-11-22T08:00:00.000Z", "sequencer": "0056"}


def test_a_claim_over_a_finished_version_records_what_is_known_of_it(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.complete(claim, RECORD)

    books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by(claim.owner), about=LATER)

    assert (books.item(VERSION) or {}).items() >= LATER.items()


def test_a_claim_over_what_has_been_freed_meanwhile_records_what_is_known_of_it(books: LedgerBench) -> None:
    claim = claimed(books.ledger)
    books.ledger.fail(claim, REASON, FIRST)

    books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by("somebody"), about=LATER)

    assert (books.item(VERSION) or {}).items() >= LATER.items()


class AnswersLost:
    """A client whose every first answer is lost, so that it sends the same request again, as botocore does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def update_item(self, **parameters: Any) -> Any:
        self._client.update_item(**parameters)
        return self._client.update_item(**parameters)


def test_a_claim_that_meets_its_own_token_has_won_as_an_earlier_attempt(books: LedgerBench) -> None:
    books.ledger.fail(claimed(books.ledger), REASON, FIRST)

    claim = claimed(books.on(AnswersLost), SECOND)

    assert (claim.attempt, claim.earlier) == (2, True)
    assert (books.item(VERSION) or {})["owner"] == claim.owner
    books.ledger.complete(claim, RECORD)  # it is this worker's


def test_a_claim_over_a_finished_version_that_meets_its_own_token_has_won(books: LedgerBench) -> None:
    first = claimed(books.ledger)
    books.ledger.complete(first, RECORD)

    claim = books.on(AnswersLost).claim(VERSION, Delivery("m2", 1), over=done_by(first.owner))

    assert isinstance(claim, Claim)
    assert (claim.attempt, claim.earlier) == (2, True)


@pytest.mark.parametrize("write", ["complete", "settle", "reject", "fail", "release"])
def test_a_write_that_is_sent_twice_has_been_done(books: LedgerBench, write: str) -> None:
    claim = claimed(books.ledger)

    writes(books.on(AnswersLost), claim)[write]()

    assert "lease_until" not in (books.item(VERSION) or {})


class Throttled:
    """A table that refuses every request, for no condition of it."""

    def __init__(self, client: Any) -> None: ...

    def update_item(self, **parameters: Any) -> Any:
        raise client_error("ThrottlingException", 400, "UpdateItem", "Rate exceeded")


@pytest.mark.parametrize("write", ["claim", "complete", "settle", "reject", "fail", "release"])
def test_a_refusal_for_another_cause_than_the_condition_is_named_by_its_own_code(
    books: LedgerBench, write: str
) -> None:
    claim = claimed(books.ledger)
    throttled = books.on(Throttled)

    with pytest.raises(Unavailable, match="ThrottlingException") as refusal:
        writes(throttled, claim)[write]()
    assert refusal.value.code == "ThrottlingException"


class Refusing:
    """DynamoDB, as it would be if it never held a condition to be true: it refuses, and shows this item."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        self.requests = 0
        self._item = item

    def update_item(self, **_: object) -> None:
        self.requests += 1
        answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
        raise ClientError(answer if self._item is None else answer | {"Item": self._item}, "UpdateItem")


FAILED = VERSION.item_key | {"status": {"S": "FAILED"}, "owner": {"S": "another"}}


@pytest.mark.parametrize("item", [None, FAILED], ids=["none", "FAILED"])
@pytest.mark.parametrize("over", [None, done_by("owner-1")], ids=["first", "over"])
def test_a_claim_that_is_refused_by_nothing_is_a_conflict_after_a_few(
    clock: Clock, item: dict[str, Any] | None, over: Record | None
) -> None:
    client = Refusing(item)
    ledger = DynamoLedger(
        client,
        table="images",
        code_version=CODE,
        lease_seconds=LEASE,
        clock=clock,
        new_token=lambda: "token",
    )

    with pytest.raises(Conflict, match=r"uploads/images/cat\.jpg: refused 3 times"):
        ledger.claim(VERSION, FIRST, over=over)

    assert client.requests == 3


def test_a_version_that_was_removed_before_it_was_ever_finished_expires(books: LedgerBench) -> None:
    books.ledger.close(claimed(books.ledger), Status.REMOVED)

    item = books.item(VERSION)

    assert item is not None
    assert int(item["expires_at"]) == int(books.clock.now) + REMOVED_SECONDS


def test_a_claim_takes_the_expiry_away(books: LedgerBench) -> None:
    books.ledger.close(claimed(books.ledger), Status.REMOVED)

    claimed(books.ledger, SECOND)

    item = books.item(VERSION)
    assert item is not None
    assert "expires_at" not in item


def test_finished_metadata_never_expires(books: LedgerBench) -> None:
    books.ledger.complete(claimed(books.ledger), RECORD)
    again = books.ledger.claim(VERSION, Delivery("m2", 1), over=done_by("token-1"))
    assert isinstance(again, Claim)

    books.ledger.close(again, Status.REMOVED)

    item = books.item(VERSION)
    assert item is not None
    assert item["status"] == "REMOVED"
    assert "expires_at" not in item


def test_a_superseded_version_does_not_expire(books: LedgerBench) -> None:
    books.ledger.close(claimed(books.ledger), Status.SUPERSEDED)

    item = books.item(VERSION)

    assert item is not None
    assert "expires_at" not in item
