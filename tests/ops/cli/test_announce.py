"""darkroom announce: the events of what has ended again, under the same ids, and the end of what lies in the queue."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import typer
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from typer.testing import CliRunner

from ops.cli import announce as command
from ops.cli import stage as stages
from ops.cli.announce import moment, put_all
from ops.cli.interruption import SIGNALS
from ops.cli.main import INTERRUPTED, make_app
from ops.local.event_queue import subscribe_queue
from ops.local.stream_mapping import given_up
from processing.ledger import Claim, Delivery, DynamoLedger, Status, Version, read
from processing.outbox import EventBus, NotTaken, entry_of
from tests.builders import finished, recipe
from tests.ops.cli.embedded import use
from tests.ops.cli.signals import signal_at
from tests.processing.test_outbox import Bus, item

NOW = datetime(2026, 1, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Place:
    """A stage with a table, a bus and queues of its own on the emulator."""

    def __init__(self, emulator, monkeypatch):
        self.name = f"place-{uuid.uuid4().hex[:12]}"
        self.sqs, self.dynamodb, self.events = (emulator.client(name) for name in ("sqs", "dynamodb", "events"))
        self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("object", "etag")],
            BillingMode="PAY_PER_REQUEST",
        )
        self.events.create_event_bus(Name=self.name)
        self.dlq_url = self.sqs.create_queue(QueueName=f"{self.name}-events-dlq")["QueueUrl"]
        self.received_url = subscribe_queue(emulator.client, self.name, self.name)
        self.now = NOW
        self.outputs = {
            "UploadsBucket": "uploads",
            "UploadsPrefix": "images/",
            "VariantsBucket": "variants",
            "ImagesTable": self.name,
            "UploadsQueueUrl": "unused",
            "UploadsDlqUrl": "unused",
            "ConsumerFunction": "unused",
            "EventBus": self.name,
            "EventsDlqUrl": self.dlq_url,
        }
        monkeypatch.setattr(
            stages, "find", lambda *_: stages.Stage.of("local", "eu-west-1", self.outputs, emulator.client)
        )

    def end(self, key, etag="e1", *, at=NOW, status=None, last=False):
        """Have a version end; without a status it is done."""
        ledger = DynamoLedger(
            self.dynamodb, table=self.name, code_version="c0de", lease_seconds=60, clock=lambda: at.timestamp()
        )
        version = Version("uploads", key, etag)
        claim = ledger.claim(version, Delivery("m", 1, last_receive=last))
        assert isinstance(claim, Claim)
        if status is None:
            ledger.complete(claim, finished(recipe("phone"), key))
        elif status is not Status.IN_PROGRESS:
            ledger.close(claim, status)

    def set_aside(self, at):
        """A message of Lambda's, for a change at that time."""
        change = {"SequenceNumber": "1", "ApproximateCreationDateTime": at.timestamp()}
        record = {"eventSourceARN": "arn", "dynamodb": change}
        body = given_up([record], function_arn="arn", why="RecordAgeExceeded", attempts=1, shard="s")
        self.sqs.send_message(QueueUrl=self.dlq_url, MessageBody=body)

    def received(self):
        """Type, key and ETag of each event that came since the last time."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.received_url, MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                self.sqs.delete_message(QueueUrl=self.received_url, ReceiptHandle=each["ReceiptHandle"])
                event = json.loads(each["Body"])
                found.append((event["detail-type"], event["detail"]["object"]["key"], event["detail"]["etag"]))
        return found

    def run(self, *arguments, expected=0):
        result = CliRunner().invoke(make_app(), ["announce", *arguments, "--stage", "local"])
        assert result.exit_code == expected, (result.output, result.exception)
        return result


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    from ops.local.emulator import Emulator

    made = Emulator(region="eu-west-1", log=tmp_path_factory.mktemp("emulator") / "emulator.log")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def place(emulator, monkeypatch):
    use(monkeypatch, emulator)
    return Place(emulator, monkeypatch)


def test_what_ended_below_a_prefix_since_then_is_announced(place):
    place.end("images/a/1.jpg", at=NOW - 2 * MINUTE)
    place.end("images/a/2.jpg")
    place.end("images/a/3.jpg", status=Status.REMOVED)
    place.end("images/b/4.jpg")
    place.dynamodb.put_item(TableName=place.name, Item={"object": {"S": "caller:x"}, "etag": {"S": "images/a/"}})

    result = place.run("images/a/", "--since", (NOW - MINUTE).isoformat(), "--json")

    assert sorted(place.received()) == [
        ("Image Ready", "images/a/2.jpg", "e1"),
        ("Image Removed", "images/a/3.jpg", "e1"),
    ]
    assert json.loads(result.stdout) == {"events": {"Image Ready": 1, "Image Removed": 1}, "sent": 2, "examined": 2}


def test_several_prefixes_and_no_time(place):
    for key in ("images/a/1.jpg", "images/b/2.jpg", "images/c/3.jpg"):
        place.end(key)

    place.run("images/a/", "images/b/")

    assert sorted(key for _, key, _ in place.received()) == ["images/a/1.jpg", "images/b/2.jpg"]


def test_the_versions_of_an_object_come_in_the_order_in_which_they_ended(place):
    place.end("images/cat.jpg", "z-first", at=NOW - 2 * MINUTE)
    place.end("images/cat.jpg", "a-last", at=NOW)
    place.end("images/cat.jpg", "m-middle", at=NOW - MINUTE, status=Status.SUPERSEDED)

    place.run("images/")

    assert [etag for _, _, etag in place.received()] == ["z-first", "m-middle", "a-last"]


def test_an_image_whose_last_worker_was_killed_is_announced_and_one_that_is_worked_on_is_not(place):
    place.end("images/killed.jpg", at=NOW - 5 * MINUTE, status=Status.IN_PROGRESS, last=True)
    place.end("images/retried.jpg", at=NOW - 5 * MINUTE, status=Status.IN_PROGRESS)
    place.end("images/working.jpg", at=datetime.now(UTC), status=Status.IN_PROGRESS, last=True)

    place.run("images/", "--since", (NOW - 10 * MINUTE).isoformat())

    assert place.received() == [("Image Failed", "images/killed.jpg", "e1")]


def test_the_ids_are_those_of_the_first_time(place):
    place.end("images/cat.jpg")
    (found,) = place.dynamodb.scan(TableName=place.name)["Items"]
    first = entry_of(read(found), variants_bucket="variants", cdn="", now=NOW.timestamp())
    assert first is not None

    for _ in range(2):
        place.run("images/")

    bodies = [
        json.loads(message["Body"])["detail"]
        for _ in range(2)
        for message in place.sqs.receive_message(QueueUrl=place.received_url)["Messages"]
    ]
    assert bodies == [json.loads(first["Detail"])] * 2


def test_a_dry_run_sends_nothing_and_leaves_the_queue_as_it_is(place):
    place.end("images/cat.jpg")
    place.set_aside(NOW)

    result = place.run("--lost", "--dry-run")

    assert "1 event would be sent, of 1 record" in result.stderr
    assert place.received() == []
    assert place.sqs.receive_message(QueueUrl=place.dlq_url)["Messages"]


def test_what_was_set_aside_is_announced_again_and_its_messages_are_deleted(place):
    place.end("images/before.jpg", at=NOW - 20 * MINUTE)
    place.end("images/then.jpg", at=NOW)
    place.end("images/between.jpg", at=NOW + 20 * MINUTE)
    place.end("images/later.jpg", at=NOW + 40 * MINUTE)
    place.set_aside(NOW)
    place.set_aside(NOW + 40 * MINUTE)
    place.sqs.send_message(QueueUrl=place.dlq_url, MessageBody='{"somebody": "else"}')

    place.run("--lost")

    assert sorted(key for _, key, _ in place.received()) == ["images/later.jpg", "images/then.jpg"]
    (left,) = place.sqs.receive_message(QueueUrl=place.dlq_url, MaxNumberOfMessages=10)["Messages"]
    assert left["Body"] == '{"somebody": "else"}'


def test_more_messages_than_one_request_takes_are_deleted(place):
    place.end("images/cat.jpg")
    for _ in range(25):
        place.set_aside(NOW)

    place.run("--lost")

    assert "Messages" not in place.sqs.receive_message(QueueUrl=place.dlq_url)


def test_messages_that_another_command_has_are_said_to_be_hidden_and_are_exit_code_1(place):
    place.end("images/cat.jpg")
    place.set_aside(NOW)
    place.sqs.receive_message(QueueUrl=place.dlq_url, VisibilityTimeout=60)
    place.set_aside(NOW)

    result = place.run("--lost", expected=1)

    assert "Not all were seen: 1 message hidden" in result.stderr


def test_a_message_that_sqs_does_not_delete_is_named_and_is_exit_code_1(place, emulator):
    place.end("images/cat.jpg")
    place.set_aside(NOW)
    client = emulator.client("sqs")
    refused = {"Id": "0", "SenderFault": False, "Code": "InternalError"}

    def refuse(**_request):
        return AWSResponse("", 200, HTTPHeaders(), None), {"Failed": [refused]}

    client.meta.events.register("before-call.sqs.DeleteMessageBatch", refuse)
    try:
        result = place.run("--lost", expected=1)
    finally:
        client.meta.events.unregister("before-call.sqs.DeleteMessageBatch", refuse)

    assert "not deleted: " in result.stderr
    assert [key for _, key, _ in place.received()] == ["images/cat.jpg"]


def test_the_messages_stay_when_the_bus_refuses(place, monkeypatch):
    place.end("images/cat.jpg")
    place.set_aside(NOW)
    place.outputs["EventBus"] = "no-such-bus"
    monkeypatch.setattr(command, "TRIES", 1)

    result = place.run("--lost", expected=1)

    assert "events:PutEvents" in result.stderr
    assert place.sqs.receive_message(QueueUrl=place.dlq_url)["Messages"]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_messages_are_put_back_when_it_is_ended_by_a_signal(place, emulator, number):
    place.end("images/cat.jpg")
    place.set_aside(NOW)

    with signal_at(number, emulator.client("events"), "PutEvents") as requested:
        place.run("--lost", expected=INTERRUPTED)

    assert requested == ["PutEvents"]  # was to be sent
    assert place.sqs.receive_message(QueueUrl=place.dlq_url)["Messages"]
    assert place.received() == []


def test_nothing_set_aside_is_nothing_to_announce(place):
    place.end("images/cat.jpg")

    place.run("--lost")

    assert place.received() == []


@pytest.mark.parametrize("arguments", [(), ("--lost", "images/"), ("--lost", "--since", "2h")])
def test_what_is_announced_must_be_chosen(place, arguments):
    assert "choose the events to send" in place.run(*arguments, expected=2).stderr


def test_a_stage_without_events_says_how_to_get_them(place):
    del place.outputs["EventBus"]

    assert "--param events=true" in place.run("images/", expected=2).stderr


def test_what_the_bus_refuses_is_put_again_from_there_after_pauses_that_grow():
    entries = [entry_of(read(item(f"images/{n}.jpg")), variants_bucket="v", cdn="", now=0) for n in range(3)]
    bus = Bus(None, "ThrottlingException", None, "ThrottlingException")
    pauses: list[float] = []

    put_all(EventBus(bus, "bus"), [entry for entry in entries if entry], pause=pauses.append)

    assert set(bus.taken) == {"images/0.jpg", "images/1.jpg", "images/2.jpg"}
    assert bus.taken.count("images/0.jpg") == 1
    assert pauses == [0.5, 1.0]


def test_a_bus_that_refuses_for_good_ends_the_command():
    entry = entry_of(read(item("images/0.jpg")), variants_bucket="v", cdn="", now=0)
    assert entry is not None

    with pytest.raises(NotTaken, match="AccessDenied"):
        put_all(EventBus(Bus(*["AccessDenied"] * 9), "bus"), [entry], pause=lambda _: None)


def test_a_time_is_a_moment_in_utc_or_an_age():
    assert moment("2026-01-26T12:00") == moment("2026-01-26T13:00+01:00") == NOW
    assert abs(moment("2h") - (datetime.now(UTC) - timedelta(hours=2))) < MINUTE
    with pytest.raises(typer.BadParameter, match="is no time"):
        moment("yesterday")
