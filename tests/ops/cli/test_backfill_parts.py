"""The parts of a backfill, each by itself: limits, checkpoint, sources, and what is wanted."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.cli.backfill.inventory import Inventory
from ops.cli.backfill.run import Backfill, BackfillProgress, BackfillTotals, planned
from ops.cli.backfill.sending import DepthLimit, notification
from ops.cli.backfill.sources import ListedObject, Unreadable, chunks, completed, keys_from, listed
from ops.cli.backfill.wanted import Decision, Missing, Records, Wanted
from ops.cli.checkpoint import Checkpoint
from ops.cli.costs.requests import Requests
from ops.cli.item_size import ItemSizes
from ops.cli.queues import NotSent
from ops.cli.recipes import VariantPlan
from ops.errors import UsageError
from processing.events import ObjectCreated, parse
from processing.ledger import ImagesTable, Phase, Record, Status, Version
from tests.builders import changed, client_error, finished, recipe

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Time:
    def __init__(self, drained=0):
        self.now, self.waiting, self.drained = 100.0, 0, drained

    def pause(self, seconds):
        self.now += seconds
        self.waiting = max(0, self.waiting - round(self.drained * seconds))


def test_no_more_are_sent_while_as_many_wait_as_were_allowed():
    time, most = Time(drained=7), 0
    limit = DepthLimit(100, lambda: time.waiting, time.pause)

    for _ in range(200):
        limit.wait(10)
        time.waiting += 10
        most = max(most, time.waiting)

    assert 90 <= most <= 100
    assert time.now - 100 == pytest.approx(1900 / 7, rel=0.1)


def test_a_depth_below_a_batch_still_lets_one_into_an_empty_queue():
    time = Time(drained=5)
    limit = DepthLimit(3, lambda: time.waiting, time.pause)

    for _ in range(3):
        limit.wait(10)
        assert time.waiting == 0
        time.waiting = 10


def test_a_checkpoint_says_what_was_written_last(tmp_path):
    file = tmp_path / "checkpoint.json"
    for sent in (10, 20):
        Checkpoint(file, {"stage": "dev"}, BackfillProgress()).write(BackfillProgress(f"images/{sent}", 30, sent))

    assert Checkpoint(file, {"stage": "dev"}, BackfillProgress()).read() == BackfillProgress("images/20", 30, 20)


def test_a_checkpoint_of_another_backfill_is_refused(tmp_path):
    file = tmp_path / "checkpoint.json"
    Checkpoint(file, {"stage": "dev", "prefix": "images/a"}, BackfillProgress()).write(BackfillProgress("images/a1"))

    with pytest.raises(UsageError, match=r"another run \(not the same prefix\)"):
        Checkpoint(file, {"stage": "dev", "prefix": "images/b"}, BackfillProgress()).read()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"of": {}, "progress": {"far": 1}}'])
def test_a_file_that_is_no_checkpoint_is_refused_and_not_overwritten(tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_text(content)

    with pytest.raises(UsageError, match="not a checkpoint"):
        Checkpoint(file, {}, BackfillProgress()).read()
    assert file.read_text() == content


def test_without_a_file_nothing_is_kept():
    checkpoint = Checkpoint(None, {}, BackfillProgress())
    checkpoint.write(BackfillProgress("images/a"))
    checkpoint.remove()

    assert checkpoint.read() == BackfillProgress()


KEY = "images/café + bar/50% off?.jpg"


def test_the_consumer_reads_from_a_message_what_was_found():
    found = ListedObject(KEY, position=KEY, etag="0a1b", size=12, modified=NOON)
    text = notification(found, bucket="uploads", region="eu-west-1", author="backfill")

    assert parse(text) == (ObjectCreated("uploads", KEY, "0a1b", size=12, time="2026-11-21T12:00:00.000Z"),)
    assert json.loads(text)["Records"][0]["eventSource"] == "darkroom:backfill"
    assert text.isascii()  # SQS refuses some characters, and none of these


class Bucket:
    """HeadObject."""

    def __init__(self, **objects):
        self.objects = objects

    def head_object(self, **request):
        key = request["Key"]
        if key == "forbidden":
            raise client_error("403", 403, "HeadObject")
        if key not in self.objects:
            raise client_error("404", 404, "HeadObject")
        return {"ETag": f'"{self.objects[key]}"', "ContentLength": 5, "LastModified": NOON}


def test_keys_are_taken_as_they_are_and_asked_for_in_their_order():
    lines = ["a\n", "\n", "gone\r\n", " b \n"]
    found = list(completed(Bucket(a="ea", **{" b ": "eb"}), "uploads", keys_from(lines)))

    assert [(one.key, one.etag, one.position) for one in found] == [
        ("a", "ea", "1"),
        ("gone", "", "3"),
        (" b ", "eb", "4"),
    ]


def test_keys_are_gone_on_with_behind_the_last_line():
    assert [one.key for one in keys_from(["a", "b", "c"], after="2")] == ["c"]


def test_a_key_that_may_not_be_looked_at_is_no_key_that_is_gone():
    with pytest.raises(ClientError):
        list(completed(Bucket(), "uploads", keys_from(["forbidden"])))


ROWS = (
    '"uploads","images/caf%C3%A9+%2B+bar.jpg","v1","true","false","12","2026-11-21T12:00:00.000Z","e1"\n'
    '"uploads","images/old.jpg","v0","false","false","12","2026-11-21T12:00:00.000Z","e0"\n'
    '"uploads","images/deleted.jpg","v2","true","true","","2026-11-21T12:00:00.000Z",""\n'
    '"uploads","images/b%0Ac.jpg","v3","true","false","7","2026-11-21T12:00:00.000Z","e3"\n'
)
SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
WANTED = [
    ListedObject("images/café + bar.jpg", position="1:1", etag="e1", size=12, modified=NOON),
    ListedObject("images/b\nc.jpg", position="1:4", etag="e3", size=7, modified=NOON),
]


def inventory(tmp_path, content, **options):
    file = tmp_path / "inventory.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Inventory(str(file), bucket="uploads", **options)


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_an_inventory_gives_the_latest_versions_with_their_keys_decoded(tmp_path, pack):
    assert list(inventory(tmp_path, pack(ROWS), columns=SCHEMA).found()) == WANTED


def test_an_inventory_finds_its_columns_in_the_manifest(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"fileSchema": SCHEMA}))

    assert list(inventory(tmp_path, ROWS).found()) == WANTED


def test_an_inventory_with_a_header_line_has_its_columns_there(tmp_path):
    header = SCHEMA.replace(" ", "") + "\n"
    found = list(inventory(tmp_path, header + ROWS).found())

    assert [(one.key, one.position) for one in found] == [("images/café + bar.jpg", "1:2"), ("images/b\nc.jpg", "1:5")]


def test_an_inventory_of_two_columns_is_of_buckets_and_keys(tmp_path):
    made = inventory(tmp_path, "uploads,images/a%2Bb.jpg\n")

    assert [one.key for one in made.found()] == ["images/a+b.jpg"]
    assert not made.knows("LastModifiedDate")


def test_an_inventory_is_gone_on_with_behind_the_last_row(tmp_path):
    assert list(inventory(tmp_path, ROWS, columns=SCHEMA).found(after="1:1")) == WANTED[1:]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,c\n", r"--columns \"Bucket, Key"),
        ("", r"--columns"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (gzip.compress(b"uploads,images/a.jpg\n", mtime=0)[:-12], "cannot be read"),
    ],
    ids=["other columns", "empty", "UTF-16", "not gzip", "cut gzip"],
)
def test_an_inventory_that_cannot_be_read_says_what_to_give(tmp_path, content, said):
    with pytest.raises(UsageError, match=said):
        inventory(tmp_path, content)


def test_an_inventory_of_another_bucket_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"row 1: is of the bucket others, and this stage's is uploads"):
        list(inventory(tmp_path, "others,images/a.jpg\n").found())


def test_a_row_of_other_columns_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"row 2: has 3 columns"):
        list(inventory(tmp_path, "uploads,images/a.jpg\nuploads,images/b.jpg,7\n").found())


ARCHIVES = (
    '"uploads","images/a.jpg","5","e1","STANDARD","","SSE-S3"\n'
    '"uploads","images/b.jpg","5","e2","GLACIER","","SSE-S3"\n'
    '"uploads","images/c.jpg","5","e3","DEEP_ARCHIVE","","SSE-S3"\n'
    '"uploads","images/d.jpg","5","e4","GLACIER_IR","","SSE-KMS"\n'
    '"uploads","images/e.jpg","5","e5","INTELLIGENT_TIERING","FREQUENT","NOT-SSE"\n'
    '"uploads","images/f.jpg","5","e6","INTELLIGENT_TIERING","ARCHIVE_INSTANT","SSE-S3"\n'
    '"uploads","images/g.jpg","5","e7","INTELLIGENT_TIERING","ARCHIVE","SSE-S3"\n'
    '"uploads","images/h.jpg","5","e8","INTELLIGENT_TIERING","DEEP_ARCHIVE","SSE-S3"\n'
    '"uploads","images/i.jpg","5","e9","STANDARD_IA","","SSE-C"\n'
)
ARCHIVES_SCHEMA = "Bucket, Key, Size, ETag, StorageClass, IntelligentTieringAccessTier, EncryptionStatus"


def test_an_inventory_tells_what_cannot_be_read(tmp_path):
    found = list(inventory(tmp_path, ARCHIVES, columns=ARCHIVES_SCHEMA).found())

    assert {one.key[-5]: str(one.unreadable) for one in found if one.unreadable} == {
        **dict.fromkeys("bcgh", "archived"),
        "i": "encrypted with a customer's key",
    }


class Listing:
    """ListObjectsV2 with the attributes that are asked for."""

    def __init__(self, *entries):
        self.entries = entries

    def get_paginator(self, _operation):
        return self

    def paginate(self, **request):
        with_restores = "RestoreStatus" in request.get("OptionalObjectAttributes", ())
        yield {"Contents": [e if with_restores else {**e, "RestoreStatus": {}} for e in self.entries]}


def entry(key, **fields):
    return {"Key": key, "ETag": '"e"', "Size": 5, "LastModified": NOON, **fields}


def test_a_listing_tells_what_is_archived_and_not_restored():
    restored = {"IsRestoreInProgress": False, "RestoreExpiryDate": NOON}
    bucket = Listing(
        entry("no class"),
        entry("standard", StorageClass="STANDARD"),
        entry("instant", StorageClass="GLACIER_IR"),
        entry("glacier", StorageClass="GLACIER"),
        entry("deep", StorageClass="DEEP_ARCHIVE"),
        entry("being restored", StorageClass="GLACIER", RestoreStatus={"IsRestoreInProgress": True}),
        entry("restored", StorageClass="GLACIER", RestoreStatus=restored),
    )

    archived = [one.key for one in listed(bucket, "uploads", "") if one.unreadable is Unreadable.ARCHIVED]

    assert archived == ["glacier", "deep", "being restored"]


@pytest.mark.parametrize(
    ("said", "unreadable"),
    [
        ({}, None),
        ({"StorageClass": "GLACIER_IR"}, None),
        ({"StorageClass": "GLACIER"}, Unreadable.ARCHIVED),
        ({"StorageClass": "INTELLIGENT_TIERING"}, None),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, Unreadable.ARCHIVED),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, Unreadable.ARCHIVED),
        (
            {
                "StorageClass": "GLACIER",
                "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"',
            },
            None,
        ),
    ],
)
def test_a_key_that_is_asked_for_tells_whether_it_is_archived(said, unreadable):
    class Head(Bucket):
        def head_object(self, **request):
            return super().head_object(**request) | said

    (one,) = completed(Head(a="ea"), "uploads", keys_from(["a"]))

    assert one.unreadable is unreadable


@pytest.mark.parametrize(
    ("code", "message", "unreadable"),
    [
        ("InvalidRequest", "The object was stored using a form of Server Side Encryption.", Unreadable.CUSTOMER_KEY),
        ("ExpiredToken", "The provided token has expired.", None),
    ],
)
def test_a_key_that_head_refuses_is_a_customers_or_a_failure(code, message, unreadable):
    class Refusing:
        def head_object(self, **_request):
            raise refusal("400", "Bad Request")

        def get_object(self, **_request):
            raise refusal(code, message)

    def refusal(code, message):
        return client_error(code, 400, "X", message)

    def ask():
        return [(one.key, one.etag, one.unreadable) for one in completed(Refusing(), "uploads", keys_from(["a"]))]

    if unreadable:
        assert ask() == [("a", "", unreadable)]
    else:
        with pytest.raises(ClientError, match=code):
            ask()


TODAY = recipe("desktop", "phone")
YESTERDAY = changed(TODAY, "phone", quality=2)
PLAN = VariantPlan(TODAY, "images/")


class Images(ImagesTable):
    """The images table."""

    def __init__(self, *records: Record) -> None:
        self.records = {record.version: record for record in records}

    def read(self, versions: Iterable[Version]) -> dict[Version, Record]:
        return {version: self.records[version] for version in versions if version in self.records}


def record(name, status, *, made=TODAY, etag="e", **fields):
    key = f"images/{name}"
    image = finished(made, key) if made else None
    return Record(Version("uploads", key, etag), Status(status), image=image, **fields)


def wanted(*images, missing=True, rejected=False, **options):
    records = Records(Images(*images), "uploads")
    return Wanted(
        PLAN, "images/", records=records, missing=Missing(PLAN, rejected, lambda: 1000) if missing else None, **options
    )


def judge(*found, images=(), **options):
    judged = wanted(*images, **options).judge(found)
    return {one.found.key.removeprefix("images/"): one.decision for one in judged}


def found(key: str, **fields: Any) -> ListedObject:
    defaults: dict[str, Any] = {"position": key, "etag": "e", "size": 1}
    return ListedObject(f"images/{key}", **defaults | fields)


OF_PHASES = {
    Phase.NOT_STARTED: (record("a", "IN_PROGRESS"), Decision.WANTED),
    Phase.WORKING: (record("a", "IN_PROGRESS", lease_until=1001), Decision.BUSY),
    Phase.INTERRUPTED: (record("a", "IN_PROGRESS", lease_until=999), Decision.WANTED),
    Phase.RETRYING: (record("a", "FAILED"), Decision.WANTED),
    Phase.DEAD: (record("a", "FAILED", last_receive=True), Decision.WANTED),
    Phase.REJECTED: (record("a", "REJECTED"), Decision.REJECTED),
    Phase.DONE: (record("a", "DONE"), Decision.DONE),
    Phase.SUPERSEDED: (record("a", "SUPERSEDED"), Decision.WANTED),
    Phase.REMOVED: (record("a", "REMOVED"), Decision.WANTED),
}


@pytest.mark.parametrize("phase", Phase)
def test_missing_sends_what_is_neither_done_nor_rejected_nor_being_worked_on(phase):
    known, decision = OF_PHASES[phase]

    assert known.phase(1000) is phase
    assert judge(found("a"), images=[known]) == {"a": decision}


def test_missing_sends_what_has_no_record_and_what_has_a_variant_to_make():
    other_version, outdated = record("new", "DONE", etag="another version"), record("outdated", "DONE", made=YESTERDAY)
    shorter = record("fewer", "DONE", made=recipe("phone"))
    more = record("more", "DONE", made=recipe("desktop", "phone", "poster"))

    decisions = judge(
        *(found(name) for name in ("new", "outdated", "fewer", "more")), images=[other_version, outdated, shorter, more]
    )

    assert {name for name, decision in decisions.items() if decision is Decision.WANTED} == {"new", "outdated", "fewer"}


def test_what_was_rejected_is_tried_again_when_asked_for():
    assert judge(found("a"), images=[record("a", "REJECTED")], rejected=True) == {"a": Decision.WANTED}


@pytest.mark.parametrize(
    ("known", "requests"),
    [
        (None, Requests(gets=1, puts=2, heads=1, writes=2)),
        (record("a", "DONE"), Requests(heads=2, writes=1)),
        (record("a", "DONE", made=YESTERDAY), Requests(gets=1, puts=1, heads=3, writes=3)),
        (record("a", "DONE", made=recipe("desktop")), Requests(gets=1, puts=1, heads=2, writes=3)),
        (record("a", "SUPERSEDED"), Requests(gets=1, puts=2, heads=3, writes=2)),
        (record("a", "FAILED", made=None), Requests(gets=1, puts=2, heads=1, writes=2)),
    ],
)
def test_a_dry_run_counts_the_requests_of_the_variants_that_are_made(known, requests):
    totals = BackfillTotals()
    everything = wanted(*([known] if known else []), missing=False)

    assert list(planned(everything, [found("a", size=7)], ItemSizes.of(PLAN), totals)) == [(7, requests)]
    assert (totals.size, totals.decisions) == (7, {Decision.WANTED: 1})


def test_ignored_and_older_objects_and_what_is_gone_or_elsewhere_are_left_out():
    since = datetime(2026, 11, 21, tzinfo=UTC)
    verdicts = judge(
        found("folder/", size=0),
        found("a/.DS_Store"),
        found("not/", size=1),
        found("old", modified=datetime(2026, 11, 20, 23, 59, tzinfo=UTC)),
        found("new", modified=since),
        found("gone", etag=""),
        ListedObject("elsewhere", position="x", etag="e"),
        changed_since=since,
    )

    assert verdicts == {
        "folder/": Decision.IGNORED,
        "a/.DS_Store": Decision.IGNORED,
        "not/": Decision.WANTED,
        "old": Decision.OLDER,
        "new": Decision.WANTED,
        "gone": Decision.GONE,
        "elsewhere": Decision.OUTSIDE,
    }


def test_what_cannot_be_read_is_counted_and_not_wanted_unless_it_is_done():
    verdicts = judge(
        found("archived", unreadable=Unreadable.ARCHIVED),
        found("encrypted", unreadable=Unreadable.CUSTOMER_KEY),
        found("encrypted, by HEAD", etag="", unreadable=Unreadable.CUSTOMER_KEY),
        found("done", unreadable=Unreadable.ARCHIVED),
        images=[record("done", "DONE")],
    )

    assert verdicts == {
        "archived": Decision.ARCHIVED,
        "encrypted": Decision.CUSTOMER_KEY,
        "encrypted, by HEAD": Decision.CUSTOMER_KEY,
        "done": Decision.DONE,
    }


def test_a_key_that_is_named_twice_is_asked_for_once():
    verdicts = judge(found("a", position="1"), found("a", position="2"), images=[record("a", "DONE")])

    assert verdicts == {"a": Decision.DONE}


class Sent(list[str]):
    """Takes batches, and refuses or dies at the one that holds a key."""

    def __init__(self, *, refuse=None, die=None):
        self.refuse, self.die = refuse, die

    def __call__(self, batch):
        keys = [one.key for one in batch]
        if self.die in keys:
            raise KeyboardInterrupt
        if self.refuse in keys:
            self.extend(key for key in keys if key != self.refuse)
            raise NotSent({keys.index(self.refuse): "Because"})
        self.extend(keys)


MANY = [ListedObject(f"images/{number:04}", position=f"images/{number:04}", etag="e", size=2) for number in range(250)]


def behind(progress):
    return [one for one in MANY if one.position > progress.after]


def run(tmp_path, send):
    checkpoint = Checkpoint(tmp_path / "checkpoint.json", {}, BackfillProgress())
    start = checkpoint.read()
    return Backfill(Wanted(PLAN, "images/"), send, checkpoint).run(behind(start), start)


def test_everything_is_sent_once_and_in_batches_and_the_checkpoint_is_gone(tmp_path):
    send = Sent()
    totals = run(tmp_path, send)

    assert send == [one.key for one in MANY]
    assert (totals.sent, totals.size, totals.decisions[Decision.WANTED]) == (250, 500, 250)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_died_is_gone_on_with_behind_what_was_sent(tmp_path):
    first, second = Sent(die="images/0137"), Sent()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first)

    run(tmp_path, second)

    assert first[-1] == "images/0129"
    assert first + second == [one.key for one in MANY]


def test_what_is_refused_ends_the_run_and_is_sent_again_by_the_next(tmp_path):
    first, second = Sent(refuse="images/0013"), Sent()
    totals = run(tmp_path, first)
    run(tmp_path, second)

    assert totals.refused == {"images/0013": "Because"}
    assert totals.sent == 19
    assert second[0] == "images/0010"
    assert set(first + second) == {one.key for one in MANY}


def test_what_is_not_wanted_moves_the_checkpoint_too(tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.json", {}, BackfillProgress())
    seen = []
    Backfill(Wanted(PLAN, "elsewhere/"), Sent(), checkpoint, lambda _totals: seen.append(checkpoint.read())).run(
        MANY, BackfillProgress()
    )

    assert [progress.after for progress in seen] == ["images/0099", "images/0199", "images/0249"]
    assert [progress.examined for progress in seen] == [100, 200, 250]


def test_chunks_are_as_large_as_asked_for_and_lose_nothing():
    assert [list(chunk) for chunk in chunks(range(5), 2)] == [[0, 1], [2, 3], [4]]
