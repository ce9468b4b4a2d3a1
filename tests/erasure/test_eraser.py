"""One erasure, step by step, on the doubles: what it waits for, what it leaves, and what a crash does to it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from processing.concurrency import Backoff
from processing.erasure import Eraser, Receipt, Retention, Wait
from processing.errors import ErasureEnded
from processing.events import parse
from processing.ledger import Claim, Delivery, DynamoLedger, Status, Version
from processing.ledger.dynamo import REMOVED_SECONDS
from processing.ledger.erasures import FINISHED, PENDING, ErasureTable, Intent, new_intent
from processing.storage.objects import NewVariant
from processing.worker import Worker
from tests.builders import UPLOADS, created_body, fake_render, finished, recipe, removed_body
from tests.doubles import MemoryStore, MemoryVersions
from tests.memory_dynamodb import MemoryDynamoDB
from tests.processing.conftest import LEASE, Clock

KEY = "images/cat.jpg"
OWNER = "caller:key/anna"
REQUEST = 22.0
OLD = 100  # seconds: longer than a request


@dataclass
class Place:
    """A stage in memory with one image of anna's, and an eraser."""

    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    db: MemoryDynamoDB = field(default_factory=MemoryDynamoDB)
    told: list[tuple[str, str]] = field(default_factory=list)
    meddle: Callable[[str], None] = lambda _: None
    letters: Callable[[Intent], Any] = lambda _: None
    cache_seconds: int = 0
    switches: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.ledger = DynamoLedger(self.db, table="images", code_version="code", lease_seconds=LEASE, clock=self.clock)
        self.table = ErasureTable(Meddled(self.db, self), "images")
        self.intent = new_intent(UPLOADS, KEY, by="key/anna", now=self.clock.now, owner=OWNER)

    @property
    def eraser(self) -> Eraser:
        return Eraser(
            versions=Meddled(MemoryVersions(self.store), self),
            table=self.table,
            uploads_bucket=UPLOADS,
            variants_bucket="variants",
            prefix="images/",
            request_seconds=REQUEST,
            retention=Retention(30, 4, 14, self.switches),
            cache_seconds=self.cache_seconds,
            delete_letters=lambda intent: self.letters(intent),
            announce=self._announce,
            clock=self.clock,
        )

    def _announce(self, receipt: str, digest: str) -> None:
        self.meddle("announce")
        self.told.append((receipt, digest))

    def upload(self, body: bytes = b"A", key: str = KEY) -> str:
        return self.store.upload(key, body)

    def claim(self, etag: str, message: str = "m1") -> Claim:
        claim = self.ledger.claim(Version(UPLOADS, KEY, etag), Delivery(message, 1))
        assert isinstance(claim, Claim)
        return claim

    def publish(self, key: str = KEY, body: bytes = b"A", folders: tuple[str, ...] = ("desktop", "phone")) -> None:
        """What the worker publishes and records."""
        etag = self.upload(body, key)
        claim = self.ledger.claim(Version(UPLOADS, key, etag), Delivery("m1", 1))
        assert isinstance(claim, Claim)
        for folder in folders:
            self.put(f"{folder}/{key.removeprefix('images/')}", etag)
        self.ledger.complete(claim, finished(recipe(*folders), key))

    def put(self, key: str, etag: str) -> None:
        over = self.store.variant(key)
        new = NewVariant(key, f"{key}:{etag}".encode(), "image/jpeg", etag, "f", "no-store")
        self.store.put(new, over=over.etag if over else None)

    def own(self) -> None:
        item = {"object": {"S": OWNER}, "etag": {"S": "cat.jpg"}, "name": {"S": "cat.jpg"}}
        self.db.put_item(TableName="images", Item=item)

    def worker(self, *, removals: bool = False) -> Worker:
        return Worker(
            store=self.store,
            ledger=self.ledger,
            render=fake_render,
            recipe=recipe(),
            uploads_bucket=UPLOADS,
            prefix="images/",
            removals=removals,
            request_seconds=REQUEST,
            backoff=Backoff(random.Random(), self.clock.sleep),
            clock=self.clock,
        )

    def begin(self) -> Intent:
        return self.table.begin(self.intent)

    def go_on(self) -> Receipt | Wait:
        """What whoever takes the erasure up does."""
        intent = self.table.find(self.intent.digest)
        assert intent is not None
        return self.eraser.advance(intent)

    def to_the_end(self) -> Receipt:
        for _ in range(10):
            if isinstance(step := self.go_on(), Receipt):
                return step
            self.clock.now += step.seconds
        raise AssertionError("no end")

    def left(self) -> list[str]:
        """Everything that names the object: objects, variants and items."""
        stored = [*self.store.uploads, *self.store.variants]
        items = [f"{thing} {etag}" for thing, etag in self.db.items if thing != FINISHED]
        return sorted(each for each in [*stored, *items] if "cat.jpg" in each or thing_is_pending(each))


def thing_is_pending(item: str) -> bool:
    return item.startswith(PENDING)


class Meddled:
    """A port that tells of each request before it takes effect and after it did."""

    def __init__(self, port: Any, place: Place) -> None:
        self._port, self._place = port, place

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def request(*args: Any, **kwargs: Any) -> Any:
            self._place.meddle(name)
            answer = method(*args, **kwargs)
            self._place.meddle(f"{name} done")
            return answer

        return request


@pytest.fixture
def place() -> Place:
    place = Place()
    place.publish()
    place.own()
    place.clock.now += OLD
    return place


def test_a_finished_image_is_erased_at_once_and_whole(place: Place) -> None:
    place.begin()

    receipt = place.go_on()

    assert isinstance(receipt, Receipt)
    assert place.left() == []
    assert receipt.document["gone"] == {
        "original_versions": ["null"],
        "delete_markers": [],
        "unfinished_uploads": 0,
        "variants": {"desktop": 1, "phone": 1},
        "variant_versions": ["null", "null"],
        "records": 1,
        "owner": True,
        "dead_letters": 0,
        "is_complete": True,
    }


def test_a_receipt_and_its_announcement_name_the_object_by_its_digest_alone(place: Place) -> None:
    place.begin()

    place.go_on()

    stored = str(place.db.items[FINISHED, place.intent.id]["receipt"])
    assert "cat.jpg" not in stored
    assert place.intent.digest in stored
    assert place.told == [(place.intent.id, place.intent.digest)]


def test_while_a_worker_may_publish_its_variants_wait_and_its_original_is_gone(place: Place) -> None:
    etag = place.upload(b"B")
    place.claim(etag)
    place.begin()

    step = place.go_on()

    assert isinstance(step, Wait)
    assert LEASE + REQUEST <= step.seconds <= LEASE + REQUEST + 2
    assert place.store.uploads == {}
    assert "desktop/cat.jpg" in place.store.variants
    place.put("phone/cat.jpg", etag)
    place.clock.now += step.seconds
    assert isinstance(place.go_on(), Receipt)
    assert place.left() == []


def test_a_request_that_was_not_answered_is_waited_for_after_its_worker_gave_up(place: Place) -> None:
    claim = place.claim(place.upload(b"B"))
    place.ledger.close(claim, Status.SUPERSEDED)
    place.begin()

    step = place.go_on()

    assert isinstance(step, Wait)
    assert REQUEST <= step.seconds <= REQUEST + 2


@pytest.mark.parametrize("moment", ["versions done", "delete_item", "folders"])
def test_an_upload_during_an_erasure_is_erased_as_well(place: Place, moment: str) -> None:
    uploaded: list[Claim] = []

    def again(name: str) -> None:
        if name == moment and not uploaded:
            uploaded.append(place.claim(place.upload(b"B"), "m2"))

    place.begin()
    place.meddle = again

    step = place.go_on()

    assert isinstance(step, Wait), "the new upload's worker may publish"
    place.put("desktop/cat.jpg", uploaded[0].version.etag)
    place.clock.now += step.seconds
    place.to_the_end()
    assert place.left() == []


def test_caches_are_waited_for_once_their_variants_are_gone(place: Place) -> None:
    place.cache_seconds = 60
    place.begin()

    step = place.go_on()

    assert step == Wait(60, "caches may show a variant until then")
    assert place.store.variants == {}
    assert place.table.records(place.intent) != []
    place.clock.now += 60
    assert isinstance(place.go_on(), Receipt)


def test_a_late_message_leaves_one_record_that_says_removed_and_expires(place: Place) -> None:
    etag = place.upload()
    place.begin()
    place.to_the_end()

    for body in (created_body(KEY, etag), removed_body(KEY)):
        for event in parse(body):
            place.worker(removals=True).handle(event, Delivery(body, 1))

    items = [item for (thing, _), item in place.db.items.items() if thing == f"{UPLOADS}/{KEY}"]
    assert {item["status"] for item in items} == {"REMOVED"}
    assert [int(item["expires_at"]) for item in items] == [int(place.clock.now) + REMOVED_SECONDS] * 2
    assert place.store.variants == {}


def test_variants_of_older_recipes_and_of_an_earlier_naming_are_found_by_their_exact_names(place: Place) -> None:
    for key in ("banner/cat.jpg.webp", "old/cat.jpg", "desktop/cat.jpg.avif"):
        place.put(key, "e1")
    for key in ("desktop/cat.jpg.webp.webp", "phone/cat.jpg2", "phone/other/cat.jpg"):
        place.put(key, "of another object")
    place.begin()

    place.go_on()

    assert sorted(place.store.variants) == ["desktop/cat.jpg.webp.webp", "phone/cat.jpg2", "phone/other/cat.jpg"]


def test_a_variant_under_a_name_that_an_earlier_release_gave_is_found(place: Place) -> None:
    place.publish("images/dog.heic", folders=())
    for key in ("phone/dog.heic", "phone/dog.heic.jpg"):
        place.put(key, "e1")
    place.clock.now += OLD
    place.intent = new_intent(UPLOADS, "images/dog.heic", by="key/anna", now=place.clock.now)
    place.begin()

    place.go_on()

    assert [key for key in place.store.variants if "dog" in key] == []


def test_a_variant_whose_name_is_only_in_a_record_is_found(place: Place) -> None:
    etag = place.upload(b"B")
    image = finished(recipe("phone"), KEY)
    odd = replace(image, variants=(replace(image.variants[0], key="phone/cat.jpg.jxl"),))
    place.ledger.complete(place.claim(etag), odd)
    place.put("phone/cat.jpg.jxl", etag)
    place.clock.now += OLD
    place.begin()

    place.go_on()

    assert place.store.variants == {}


def test_a_variant_of_another_object_that_shares_the_name_under_another_recipe_stays(place: Place) -> None:
    other = place.upload(b"other", "images/cat.jpg.webp")
    place.put("desktop/cat.jpg.webp", other)
    place.begin()

    place.go_on()

    assert list(place.store.variants) == ["desktop/cat.jpg.webp"]


def test_such_a_variant_goes_when_its_own_object_is_the_one_that_is_erased(place: Place) -> None:
    place.upload(b"other", "images/cat.jpg.webp")
    place.put("desktop/cat.jpg.webp", "made of the cat")
    place.begin()

    place.go_on()

    assert place.store.variants == {}


def test_dead_letters_are_in_the_receipt_and_otherwise_expire(place: Place) -> None:
    place.letters = lambda _: ["m7", "m8"]
    place.begin()

    receipt = place.go_on()

    assert isinstance(receipt, Receipt)
    assert receipt.document["gone"]["dead_letters"] == 2
    assert not [each for each in receipt.document["expires"] if "dead-letter" in each["what"]]


def test_a_queue_that_was_not_read_is_named_with_the_day_by_which_its_messages_are_gone(place: Place) -> None:
    place.begin()

    receipt = place.to_the_end()

    assert days(receipt)["messages in the dead-letter queue"] == "2027-01-29T08:01:40Z"


@pytest.mark.parametrize(
    ("switch", "what", "by"),
    [
        ("pointInTimeRecovery", "point-in-time recovery of the images table", "2027-02-19T08:01:40Z"),
        ("events", "the stream of the images table", "2027-01-16T08:01:40Z"),
        ("events", "events that EventBridge cannot deliver and tries again", "2027-01-16T08:01:40Z"),
        ("workflow", "messages in the workflow's dead-letter queue", "2027-01-30T08:01:40Z"),
        ("tracing", "traces of requests for the image, in X-Ray", "2027-02-14T08:01:40Z"),
        ("cdn", "CloudFront's statistics of popular objects", "2027-03-16T08:01:40Z"),
        ("webAclArn", "samples of requests in AWS WAF", "2027-01-16T08:01:40Z"),
        ("cdnWebAclArn", "samples of requests in AWS WAF", "2027-01-16T08:01:40Z"),
    ],
)
def test_what_a_switch_has_remembered_is_named_where_it_is_on(place: Place, switch: str, what: str, by: str) -> None:
    receipts = []
    for switches in (frozenset[str](), frozenset({switch})):
        place.switches = switches
        place.begin()
        receipts.append(place.to_the_end())

    assert [days(receipt).get(what) for receipt in receipts] == [None, by]


def test_access_logs_are_gone_by_a_day_that_is_not_known(place: Place) -> None:
    place.switches = frozenset({"accessLogs"})
    place.begin()

    assert days(place.to_the_end())["S3's access logs of the buckets"] is None


def test_what_a_workflow_has_passed_on_is_out_of_reach(place: Place) -> None:
    place.switches = frozenset({"workflow"})
    place.begin()

    assert [each for each in place.to_the_end().document["out_of_reach"] if "Rekognition" in each]


def days(receipt: Receipt) -> dict[str, str | None]:
    """The day by which each thing in the receipt is gone."""
    return {each["what"].split(":")[0]: each["by"] for each in receipt.document["expires"]}


def test_a_record_that_is_claimed_again_just_before_its_deletion_stays_until_its_worker_is_done(place: Place) -> None:
    place.meddle = lambda _: None
    place.begin()
    claims: list[Claim] = []

    def again(name: str) -> None:
        records = place.table._images.versions(UPLOADS, KEY) if name == "delete_item" else []
        if records and not claims and "desktop/cat.jpg" not in place.store.variants:
            etag = place.upload()
            claim = place.ledger.claim(Version(UPLOADS, KEY, etag), Delivery("m2", 1), over=records[0])
            assert isinstance(claim, Claim)
            claims.append(claim)

    place.meddle = again

    step = place.go_on()

    assert isinstance(step, Wait)
    place.ledger.complete(claims[0], finished(recipe(), KEY))


def test_a_request_after_the_last_look_is_not_lost(place: Place) -> None:
    requested: list[Intent] = []

    def again(name: str) -> None:
        if name == "announce" and not requested:
            requested.append(place.begin())
            place.upload(b"B")

    place.begin()
    place.meddle = again

    step = place.go_on()

    assert isinstance(step, Wait)
    assert requested[0].id == place.intent.id, "it is the same erasure"
    place.clock.now += step.seconds
    assert isinstance(place.go_on(), Receipt)
    assert place.left() == []


class Crash(BaseException):
    """The process dies."""


def crashing_at(number: int) -> Callable[[str], None]:
    left = [number]

    def meddle(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    return meddle


def moments() -> int:
    """Between how many moments an erasure can die."""
    place, count = Place(), [0]
    place.publish()
    place.own()
    place.clock.now += OLD
    intent = place.begin()

    def counted(_: str) -> None:
        count[0] += 1

    place.meddle = counted
    place.eraser.advance(intent)
    return count[0]


@pytest.mark.parametrize("moment", range(1, moments() + 1))
def test_after_a_crash_at_any_moment_the_erasure_ends_with_the_same_receipt(place: Place, moment: int) -> None:
    intent = place.begin()
    place.meddle = crashing_at(moment)
    with pytest.raises(Crash):
        place.eraser.advance(intent)

    place.meddle = lambda _: None
    if place.table.find(intent.digest) is not None:  # or it died after its last write
        receipt = place.to_the_end()
        assert receipt.document["gone"]["variants"] == {"desktop": 1, "phone": 1}
        assert receipt.document["gone"]["records"] == 1
        assert receipt.document["gone"]["owner"] is True

    assert place.left() == []
    assert [etag for thing, etag in place.db.items if thing == FINISHED] == [intent.id]


def test_a_worker_that_comes_after_the_end_records_nothing(place: Place) -> None:
    intent = place.begin()
    place.go_on()
    place.upload()

    with pytest.raises(ErasureEnded):
        place.eraser.advance(intent)

    assert [item for item in place.db.items if item[0] == PENDING] == []


def test_an_object_that_is_written_again_and_again_is_taken_up_later(place: Place) -> None:
    place.begin()

    def again(name: str) -> None:
        if name == "folders":
            place.upload(b"B")

    place.meddle = again

    step = place.go_on()

    assert isinstance(step, Wait)
    assert step.why == "the object is written again and again"
