"""``darkroom erase`` on the embedded stack, on buckets and a dead-letter queue of its own."""

import dataclasses
import json
import time
import uuid
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import stage as stages
from ops.cli.erase.run import Erasing
from ops.cli.interruption import SIGNALS
from ops.cli.main import INTERRUPTED, make_app
from ops.cli.queues import depth_of
from processing.erasure import KEPT_BY_SWITCH, Receipt, Wait
from processing.ledger import Claim, Delivery, DynamoLedger, Version
from processing.ledger.erasures import FINISHED, ErasureTable, new_intent
from tests.builders import created_body, finished, recipe, s3_body, s3_record
from tests.ops.cli.embedded import stage_of, use
from tests.ops.cli.signals import signal_at

PREFIX = "images/"


@pytest.fixture
def stage(stack, monkeypatch):
    """The running stage with buckets and a dead-letter queue of its own."""
    use(monkeypatch, stack)
    name = f"erase-{uuid.uuid4().hex[:12]}"
    for bucket in (f"{name}-uploads", f"{name}-variants"):
        stack.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stack.region})
    dlq = stack.client("sqs").create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    made = dataclasses.replace(
        stage_of(stack, UploadsBucket=f"{name}-uploads", VariantsBucket=f"{name}-variants"), dlq_url=dlq
    )
    monkeypatch.setattr(stages, "find", lambda *_: made)
    return made


def publish(stage, name="cat.jpg", *, ago=60):
    """An image that was finished some time ago, with its two variants and its record."""
    key, s3 = f"{PREFIX}{name}", stage.client("s3")
    etag = s3.put_object(Bucket=stage.uploads_bucket, Key=key, Body=name.encode())["ETag"].strip('"')
    for folder in ("desktop", "phone"):
        s3.put_object(Bucket=stage.variants_bucket, Key=f"{folder}/{name}", Body=b"x", Metadata={"source-etag": etag})
    ledger = DynamoLedger(
        stage.client("dynamodb"),
        table=stage.images_table,
        code_version="c",
        lease_seconds=90,
        clock=lambda: time.time() - ago,
    )
    claim = ledger.claim(Version(stage.uploads_bucket, key, etag), Delivery("m1", 1))
    assert isinstance(claim, Claim)
    ledger.complete(claim, finished(recipe(), key))
    return key


def run(*arguments, expected=0, stdin=None):
    result = CliRunner().invoke(make_app(), ["erase", *arguments, "--stage", "local"], input=stdin)
    assert result.exit_code == expected, (result.output, result.exception)
    return result


def left(stage):
    s3 = stage.client("s3")
    buckets = (stage.uploads_bucket, stage.variants_bucket)
    keys = [each["Key"] for name in buckets for each in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    items = stage.client("dynamodb").scan(TableName=stage.images_table)["Items"]
    return keys + [item["object"]["S"] for item in items if stage.uploads_bucket in str(item)]


def test_an_image_is_erased_and_its_receipt_is_printed(stage):
    key = publish(stage)

    result = run("cat.jpg", "--yes", "1", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert left(stage) == []
    assert receipt["gone"]["variants"] == {"desktop": 1, "phone": 1}
    assert receipt["gone"]["records"] == 1
    days = {each["what"].split(":")[0]: each["by"] for each in receipt["expires"]}
    assert days["log lines with the key"] is not None
    assert "the stream of the images table" in days  # the local stage has events, and no workflow
    assert "messages in the workflow's dead-letter queue" not in days
    assert key not in json.dumps(receipt)
    stored = stage.client("dynamodb").get_item(
        TableName=stage.images_table, Key={"object": {"S": FINISHED}, "etag": {"S": receipt["receipt"]}}
    )
    assert json.loads(stored["Item"]["receipt"]["S"]) == receipt


def test_an_object_of_which_nothing_is_found_is_named(stage):
    publish(stage)
    erased, mistyped = (run(name, "--yes", "1", expected=code) for name, code in (("cat.jpg", 0), ("cta.jpg", 1)))

    assert "nothing was found" not in erased.stderr
    assert f"nothing was found of {stage.uploads_bucket}/{PREFIX}cta.jpg: check the key" in mistyped.stderr


def test_a_stage_that_does_not_say_what_is_on_has_all_of_it_in_the_receipt(stage, monkeypatch):
    publish(stage)
    monkeypatch.setattr(stages, "find", lambda *_: dataclasses.replace(stage, switches=None))

    result = run("cat.jpg", "--yes", "1", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert {what for kept in KEPT_BY_SWITCH.values() for what in kept} <= {each["what"] for each in receipt["expires"]}


def test_a_dry_run_says_how_much_there_is_and_changes_nothing(stage):
    publish(stage)
    before = left(stage)

    result = run("--prefix", PREFIX, "--dry-run", "--json")

    name = f"{stage.uploads_bucket}/{PREFIX}cat.jpg"
    assert json.loads(result.stdout) == {"objects": [{"object": name, "originals": 1, "variants": 2, "records": 1}]}
    assert left(stage) == before


def test_another_number_than_that_of_the_objects_erases_nothing(stage):
    publish(stage)
    before = left(stage)

    result = run("cat.jpg", stdin="2\n", expected=2)

    assert "the number of objects is 1, not 2: nothing was erased" in result.output
    assert left(stage) == before


def test_a_prefix_erases_what_is_below_it_and_no_name_that_begins_the_same(stage):
    for name in ("anna/a.jpg", "anna/b.jpg", "annabel.jpg"):
        publish(stage, name)

    run("--prefix", f"{PREFIX}anna/", "--yes", "2")

    assert left(stage) == [
        f"{PREFIX}annabel.jpg",
        *("desktop/annabel.jpg", "phone/annabel.jpg"),
        f"{stage.uploads_bucket}/{PREFIX}annabel.jpg",
    ]


def test_the_owner_of_an_image_of_the_api_is_found_and_its_item_erased(stage):
    key = publish(stage, "2027-01-15/01KEXAMPLE-cat.jpg")
    owner = {"object": {"S": f"caller:key/{stage.uploads_bucket}"}, "etag": {"S": "01KEXAMPLE-cat.jpg"}}
    stage.client("dynamodb").put_item(TableName=stage.images_table, Item=owner)

    result = run(key, "--yes", "1", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert receipt["gone"]["owner"] is True
    assert left(stage) == []


def test_dead_letters_of_the_image_go_and_others_stay(stage):
    key, sqs = publish(stage), stage.client("sqs")
    bodies = (created_body(key), created_body(f"{PREFIX}dog.jpg"), "no notification")
    for body in bodies:
        sqs.send_message(QueueUrl=stage.dlq_url, MessageBody=body.replace('"uploads"', f'"{stage.uploads_bucket}"'))

    result = run(key, "--yes", "1", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert receipt["gone"]["dead_letters"] == 1
    answer = sqs.receive_message(QueueUrl=stage.dlq_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    assert len(answer["Messages"]) == 2


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_by_a_signal_it_puts_the_dead_letters_of_others_back_and_the_next_run_erases(stage, number):
    key, sqs = publish(stage), stage.client("sqs")
    for name in (key, f"{PREFIX}dog.jpg"):
        body = s3_body(s3_record(name, bucket=stage.uploads_bucket))
        sqs.send_message(QueueUrl=stage.dlq_url, MessageBody=body)

    with signal_at(number, sqs, "DeleteMessageBatch"):
        run(key, "--yes", "1", expected=INTERRUPTED)

    assert (depth_of(sqs, stage.dlq_url).waiting, depth_of(sqs, stage.dlq_url).in_flight) == (1, 0)
    run("--pending")
    assert left(stage) == []


def test_a_dead_letter_that_names_another_image_too_stays_and_the_receipt_says_so(stage):
    key = publish(stage)
    body = s3_body(*(s3_record(each, bucket=stage.uploads_bucket) for each in (key, f"{PREFIX}dog.jpg")))
    stage.client("sqs").send_message(QueueUrl=stage.dlq_url, MessageBody=body)

    result = run(key, "--yes", "1", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert receipt["gone"]["dead_letters"] == 0
    assert [each for each in receipt["expires"] if "dead-letter" in each["what"]]
    assert "1 name other objects as well and stay" in result.stderr


def test_pending_erasures_are_taken_up_without_being_confirmed_again(stage):
    key = publish(stage)
    table = ErasureTable(stage.client("dynamodb"), stage.images_table)
    table.begin(new_intent(stage.uploads_bucket, key, by="key/anna", now=time.time()))

    result = run("--pending", "--json")

    (receipt,) = json.loads(result.stdout)["receipts"].values()
    assert receipt["requested_by"] == "key/anna"
    assert left(stage) == []
    assert run("--pending").stderr == "Nothing to erase.\n"


def test_an_object_under_a_lock_is_refused_before_anything_is_deleted(stage, stack):
    s3, name = stage.client("s3"), f"locked-{uuid.uuid4().hex[:12]}"
    where = {"LocationConstraint": stack.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    locked = dataclasses.replace(stage, variants_bucket=name)
    stages.find = lambda *_: locked  # undone with the fixture's own
    key = publish(locked)
    s3.put_object_legal_hold(Bucket=name, Key="phone/cat.jpg", LegalHold={"Status": "ON"})
    before = left(locked)

    result = run(key, "--yes", "1", expected=1)

    assert "ObjectLocked" in result.stderr
    assert "When the cause is fixed, continue with: darkroom erase --pending" in result.stderr
    assert [name for name in left(locked) if not name.startswith("#")] == before
    s3.put_object_legal_hold(Bucket=name, Key="phone/cat.jpg", LegalHold={"Status": "OFF"})
    run("--pending")
    assert left(locked) == []


@pytest.mark.parametrize("arguments", [(), ("cat.jpg", "--pending"), ("--pending", "--prefix", PREFIX)])
def test_exactly_one_way_to_name_the_images_is_taken(stage, arguments):
    assert "give an OBJECT, or --prefix, or --pending" in run(*arguments, expected=2).output


class ScriptedEraser:
    """Waits once for each object, and is its own table."""

    def __init__(self, *intents):
        self.table, self.waited, self.intents = self, set(), list(intents)

    def find(self, digest):
        return next((intent for intent in self.intents if intent.digest == digest), None)

    def advance(self, intent):
        if intent.digest in self.waited:
            self.intents.remove(intent)
            return Receipt(intent.id, intent.digest, {})
        self.waited.add(intent.digest)
        return Wait(60, "a worker")


def test_objects_wait_side_by_side():
    intents = [new_intent("b", key, by="me", now=0) for key in "abc"]
    eraser: Any = ScriptedEraser(*intents)
    now, pauses = [0.0], []

    def pause(seconds):
        pauses.append(seconds)
        now[0] += seconds

    done = Erasing(eraser, clock=lambda: now[0], pause=pause).run(intents)

    assert sorted(done.receipts) == ["b/a", "b/b", "b/c"]
    assert sum(pauses) == 60
