"""The consumer's handler on S3, DynamoDB and SQS in moto: real clients, real sockets and pictures, requests counted."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from PIL import Image

from handlers import bootstrap, consumer
from processing.errors import Misconfigured
from tests.builders import created_body, eventbridge_body, expired_body, removed_body, s3_body, s3_record, sns_body
from tests.moto_server import MotoServer, serving

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "UPLOADS_BUCKET": "uploads",
    "UPLOADS_PREFIX": "images/",
    "VARIANTS_BUCKET": "variants",
    "IMAGES_TABLE": "images",
    "MAX_RECEIVE_COUNT": "5",
    "FUNCTION_TIMEOUT": "60",
    "TRY_SECONDS": "15",
    "LEASE_SECONDS": "300",
    "REMOVALS": "true",
    "CODE_VERSION": "c0dec0dec0de",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "RENDERING": "in-process",
}


class Context:
    """Lambda's context, with a minute left."""

    aws_request_id = "request-1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def jpeg(color: str = "teal", size: tuple[int, int] = (640, 480)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "JPEG")
    return out.getvalue()


class Stack:
    """One stage on moto; ``server`` counts what the consumer sends, by operation."""

    def __init__(self, server: MotoServer) -> None:
        self.server = server
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket="uploads")
        self.s3.create_bucket(Bucket="variants")
        self.sqs = boto3.client("sqs")
        self.queue_url = self.sqs.create_queue(QueueName="uploads")["QueueUrl"]
        self.table = boto3.resource("dynamodb").create_table(
            TableName="images",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
        )

    def upload(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket="uploads", Key=key, Body=body)["ETag"].strip('"'))

    def variants(self) -> dict[str, Any]:
        found = self.s3.list_objects_v2(Bucket="variants").get("Contents", [])
        return {item["Key"]: item["LastModified"] for item in found}

    def item(self, key: str, etag: str) -> Any:
        return self.table.get_item(Key={"object": f"uploads/{key}", "etag": etag}).get("Item")


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    with serving() as server:
        yield server


@pytest.fixture
def stack(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto_server.url}.items():
        monkeypatch.setenv(name, value)
    log = logging.getLogger("darkroom")
    before = (log.handlers, log.propagate, log.level)
    moto_server.reset()
    made = Stack(moto_server)
    monkeypatch.setenv("QUEUE_URL", made.queue_url)
    consumer.consumer.cache_clear()
    yield made
    consumer.consumer.cache_clear()
    log.handlers, log.propagate, log.level = before


def record(number: int, body: str, *, receive: int = 1) -> dict[str, Any]:
    return {
        "messageId": f"id-{number}",
        "receiptHandle": f"handle-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receive), "SentTimestamp": "1800000000000"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:uploads",
        "awsRegion": "us-east-1",
    }


def invoke(*bodies: str, receive: int = 1) -> list[str]:
    records = [record(number, body, receive=receive) for number, body in enumerate(bodies)]
    answer = consumer.handler({"Records": records}, Context())
    return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def test_a_first_upload_costs_two_writes_one_get_a_put_each_and_one_head(stack: Stack) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())

    assert invoke(created_body("images/cat.jpg", etag)) == []

    assert stack.server.requests == {"UpdateItem": 2, "GetObject": 1, "PutObject": 3, "HeadObject": 1}
    assert set(stack.variants()) == {"desktop/cat.jpg", "tablet/cat.jpg", "phone/cat.jpg"}


def test_a_batch_tells_its_images_and_its_metrics(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())

    invoke(created_body("images/cat.jpg", etag), "not json")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line["outcome"]: line for line in lines if "outcome" in line}
    assert set(told) == {"done", "rejected"}
    assert told["done"]["object"] == "uploads/images/cat.jpg"
    assert set(told["done"]["timings"]) == {"fetch", "render", "wait", "publish"}
    assert {"etag", "attempt", "receive", "size_bytes", "request_id", "queue_delay_ms"} <= set(told["done"])
    assert {line["Outcome"]: line["Images"] for line in lines if "_aws" in line} == {"done": 1, "rejected": 1}


def test_the_puts_of_variants_are_counted_and_those_of_a_version_that_is_there_are_none(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, color in (("images/a.jpg", "teal"), ("images/a.jpg", "red"), ("images/a.jpg", "red")):
        invoke(created_body(key, stack.upload(key, jpeg(color))))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Three variants; then each is refused once, and written over; the last is a duplicate
    assert [line["VariantPuts"] for line in lines if "VariantPuts" in line] == [[3], [6]]
    assert stack.server.requests["PutObject"] == 3 + 6


def test_a_second_delivery_writes_no_variant(stack: Stack) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())
    invoke(created_body("images/cat.jpg", etag))
    before = stack.variants()
    stack.server.requests.clear()

    assert invoke(created_body("images/cat.jpg", etag)) == []

    assert stack.server.requests == {"UpdateItem": 1, "HeadObject": 3}
    assert stack.variants() == before


def test_a_record_of_a_usual_image_is_at_most_one_kilobyte(stack: Stack) -> None:
    key = "images/2026/11/21/01JD5Z3Q7X8K2M4N6P8R0S1T2V-IMG_20261121_071234.jpg"
    etag = stack.upload(key, jpeg(size=(4000, 3000)))

    invoke(created_body(key, etag))

    assert size_of(stack.item(key, etag)) <= 1024


def size_of(value: Any) -> int:
    """Bytes as DynamoDB counts them: names and values, and the overhead of lists and maps.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, list):
        return 3 + sum(1 + size_of(entry) for entry in value)
    if isinstance(value, dict):
        return 3 + sum(1 + len(name) + size_of(entry) for name, entry in value.items())
    return (len(value.as_tuple().digits) + 1) // 2 + 1


HOSTILE = {
    "not JSON": "not json",
    "no records": json.dumps({"Records": []}),
    "wrong types": json.dumps({"Records": [{"s3": [1, 2]}]}),
    "300 KB": json.dumps({"filler": "x" * 300_000}),
    "a missing object field": json.dumps({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put"}]}),
    "another bucket": s3_body(s3_record("images/a.jpg", bucket="elsewhere")),
    "another prefix": created_body("private/a.jpg"),
    "an unknown event": s3_body(s3_record("images/a.jpg", name="ObjectAcl:Put")),
    "eventVersion 3": s3_body(s3_record("images/a.jpg", eventVersion="3.0")),
    "broken UTF-8": s3_body(s3_record("x")).replace('"x"', '"images%2F%ff.jpg"'),
    "an envelope of nonsense": sns_body("nonsense"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_malformed_message_is_rejected_and_its_batch_is_not(stack: Stack, body: str) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())

    assert invoke(created_body("images/cat.jpg", etag), body, created_body("images/cat.jpg", etag)) == ["id-1"]


@pytest.mark.parametrize(
    "damage",
    [
        {"attributes": None},
        {"attributes": {"ApproximateReceiveCount": "many", "SentTimestamp": "today"}},
        {"body": None},
        {"receiptHandle": None},
    ],
    ids=str,
)
def test_a_message_without_what_others_have_takes_nothing_from_its_neighbors(
    stack: Stack, damage: dict[str, Any]
) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())
    damaged = record(1, "not json") | damage
    bare = {"messageId": "id-2"}

    answer = consumer.handler({"Records": [damaged, bare, record(0, created_body("images/cat.jpg", etag))]}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "id-1"}, {"itemIdentifier": "id-2"}]}


STRANGE_KEYS = ["images/a/../b.jpg", "images/a\0b.jpg", "images/" + "é" * 508 + "x"]


@pytest.mark.parametrize("key", STRANGE_KEYS, ids=["dots", "NUL", "1,024 bytes"])
def test_a_key_that_no_variant_can_have_is_rejected_with_its_reason(stack: Stack, key: str) -> None:
    assert len(key.encode()) <= 1024

    assert invoke(created_body(key, "e1")) == ["id-0"]
    assert stack.item(key, "e1")["reason"]["cause"] == "UnusableKey"


@pytest.mark.parametrize("key", ["images/ñandú à la plage + b.jpg", "images/100%/%2F.jpg", "images/a//b.jpg"])
@pytest.mark.parametrize("form", [created_body, lambda *args: sns_body(created_body(*args)), None])
def test_every_form_of_event_and_every_legal_key_is_processed(stack: Stack, key: str, form: Any) -> None:
    etag = stack.upload(key, jpeg())
    body = form(key, etag) if form else eventbridge_body(key, etag=etag)

    assert invoke(body) == []
    assert stack.item(key, etag)["status"] == "DONE"
    assert f"phone/{key.removeprefix('images/')}" in stack.variants()


def test_a_test_event_is_acknowledged(stack: Stack) -> None:
    assert invoke(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"})) == []


def test_a_broken_image_is_rejected_and_fails_fast_afterwards(stack: Stack) -> None:
    etag = stack.upload("images/bad.jpg", jpeg()[:300])

    assert invoke(created_body("images/bad.jpg", etag)) == ["id-0"]
    item = stack.item("images/bad.jpg", etag)
    assert (item["status"], item["reason"]["cause"], item["reason"]["request_id"]) == (
        "REJECTED",
        "CorruptImage",
        "request-1",
    )
    stack.server.requests.clear()
    assert invoke(created_body("images/bad.jpg", etag), receive=2) == ["id-0"]
    assert stack.server.requests["GetObject"] == 0


EXPIRED = eventbridge_body("images/cat.jpg", kind="Object Deleted", reason="Lifecycle Expiration")


@pytest.mark.parametrize("body", [removed_body("images/cat.jpg"), expired_body("images/cat.jpg"), EXPIRED])
def test_a_removal_by_a_request_or_by_a_lifecycle_rule_removes_the_variants(stack: Stack, body: str) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())
    invoke(created_body("images/cat.jpg", etag))
    stack.s3.delete_object(Bucket="uploads", Key="images/cat.jpg")

    assert invoke(body) == []
    assert stack.variants() == {}


def test_a_claim_whose_answer_was_lost_is_won_by_the_clients_own_retry(stack: Stack) -> None:
    etag = stack.upload("images/cat.jpg", jpeg())
    lost: list[str] = []

    def lose(operation: str) -> bool:
        if operation != "UpdateItem" or lost:
            return False
        lost.append(operation)
        return True

    stack.server.after = lose

    assert invoke(created_body("images/cat.jpg", etag)) == []

    item = stack.item("images/cat.jpg", etag)
    assert (item["status"], item["attempts"]) == ("DONE", 1)
    assert (lost, stack.server.requests["UpdateItem"]) == (["UpdateItem"], 3)


def test_settings_that_make_no_sense_stop_the_function_with_every_fault(stack: Stack) -> None:
    with pytest.raises(Misconfigured) as error:
        bootstrap.build_consumer({"LEASE_SECONDS": "x"})

    assert "LEASE_SECONDS: 'x' is not a number" in error.value.faults
    assert len(error.value.faults) > 3
