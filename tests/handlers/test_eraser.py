"""The eraser's handler and its composition root, on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers import eraser
from handlers.eraser_bootstrap import build_eraser
from processing.errors import Misconfigured
from processing.ledger.erasures import ErasureTable, new_intent
from processing.settings import EraserSettings
from tests.processing.conftest import create_images_table

ENVIRONMENT = {
    "UPLOADS_BUCKET": "uploads",
    "UPLOADS_PREFIX": "images/",
    "VARIANTS_BUCKET": "variants",
    "IMAGES_TABLE": "images",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/erasures",
    "LOG_RETENTION_DAYS": "30",
    "QUEUE_RETENTION_DAYS": "4",
    "DLQ_RETENTION_DAYS": "14",
    "SWITCHES": "pointInTimeRecovery,cdn",
    "LOG_LEVEL": "ERROR",
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        create_images_table(boto3.client("dynamodb"))
        boto3.client("sqs").create_queue(QueueName="erasures", Attributes={"VisibilityTimeout": "720"})
        for bucket in ("uploads", "variants"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        built = build_eraser(ENVIRONMENT)
        monkeypatch.setattr(eraser, "erasures", lambda: built)
        yield


def received(body: str) -> dict[str, Any]:
    """The event of one message, as Lambda has received it."""
    sqs, url = boto3.client("sqs"), ENVIRONMENT["QUEUE_URL"]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }
    return {"Records": [record]}


def test_an_image_is_erased_by_its_message(aws: None) -> None:
    table, s3 = ErasureTable(boto3.client("dynamodb"), "images"), boto3.client("s3")
    s3.put_object(Bucket="uploads", Key="images/cat.jpg", Body=b"x")
    s3.put_object(Bucket="variants", Key="phone/cat.jpg", Body=b"x")
    intent = table.begin(new_intent("uploads", "images/cat.jpg", by="key/anna", now=0))

    answer = eraser.handler(received(intent.digest), None)

    assert answer == {"batchItemFailures": []}
    assert table.find(intent.digest) is None
    assert [s3.list_objects_v2(Bucket=name)["KeyCount"] for name in ("uploads", "variants")] == [0, 0]


@pytest.mark.parametrize("bus", ["darkroom-dev", ""])
def test_an_erasure_is_announced_where_there_is_a_bus(aws: None, bus: str) -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    events.create_event_bus(Name="darkroom-dev")
    sink = sqs.create_queue(QueueName="sink")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=sink, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName="darkroom-dev", EventPattern='{"source": ["darkroom"]}')
    events.put_targets(Rule="all", EventBusName="darkroom-dev", Targets=[{"Id": "sink", "Arn": arn}])

    build_eraser(ENVIRONMENT | {"EVENT_BUS": bus}).eraser.announce("receipt-1", "ab" * 32)

    found = sqs.receive_message(QueueUrl=sink).get("Messages", [])
    assert [json.loads(each["Body"])["detail-type"] for each in found] == (["Image Erased"] if bus else [])


def test_with_a_cdn_its_caches_are_waited_for(aws: None) -> None:
    built = [build_eraser(ENVIRONMENT | {"CDN_URL": url}).eraser.cache_seconds for url in ("", "https://cdn.example")]

    assert built == [0, 60]


def test_an_image_that_cannot_be_erased_now_is_reported_as_failed(aws: None) -> None:
    table = ErasureTable(boto3.client("dynamodb"), "images")
    intent = table.begin(new_intent("uploads", "images/cat.jpg", by="key/anna", now=0))
    boto3.client("s3").delete_bucket(Bucket="variants")
    event = received(intent.digest)

    answer = eraser.handler(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert table.find(intent.digest) == intent


def test_every_missing_setting_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as refused:
        EraserSettings.from_mapping({})

    assert [fault.split(":")[0] for fault in refused.value.faults] == [
        *("UPLOADS_BUCKET", "VARIANTS_BUCKET", "IMAGES_TABLE", "QUEUE_URL"),
        *("LOG_RETENTION_DAYS", "QUEUE_RETENTION_DAYS", "DLQ_RETENTION_DAYS", "SWITCHES"),
    ]
