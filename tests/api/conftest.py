"""The API's handler on S3 and DynamoDB in moto, and the ledger as the consumer writes it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests
from boto3.dynamodb.types import TypeDeserializer
from moto import mock_aws

from handlers import api
from handlers.api_bootstrap import build_api
from processing.ledger import Claim, Delivery, DynamoLedger, ImageRecord, Reason, VariantRecord, Version
from tests.api.gateway import Gateway

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "UPLOADS_BUCKET": "uploads",
    "UPLOADS_PREFIX": "images/",
    "VARIANTS_BUCKET": "variants",
    "IMAGES_TABLE": "images",
    "CONSUMER_MEMORY": "1769",
    "AUTHORIZER": "api-key",
    "OPERATORS": "olga",
    "CORS_ORIGINS": "https://photos.example.com",
    "UPLOAD_SECONDS": "900",
    "LINK_SECONDS": "3600",
    "ERASURES_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/erasures",
    "LOG_LEVEL": "ERROR",
}


BEGINNING = 1_800_000_000.0  # 15 January 2027, 08:00


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """What lies behind the API, as the consumer and an uploader change it."""

    s3: Any
    dynamodb: Any
    sqs: Any
    clock: Clock

    def __post_init__(self) -> None:
        self.ledger = DynamoLedger(
            self.dynamodb,
            table="images",
            code_version="code-1",
            lease_seconds=90,
            clock=self.clock,
            new_token=lambda: uuid.uuid4().hex,
        )

    def upload(self, image_id: str, body: bytes = b"jpeg") -> str:
        """Put an object in the uploads bucket, and say its ETag."""
        answer = self.s3.put_object(Bucket="uploads", Key=key(image_id), Body=body)
        return str(answer["ETag"].strip('"'))

    def claim(self, image_id: str, etag: str = "e1", *, receive: int = 1, last: bool = False) -> Claim:
        version, delivery = Version("uploads", key(image_id), etag), Delivery("m1", receive, last_receive=last)
        claim = self.ledger.claim(version, delivery, about={"uploaded_at": "2027-01-15T08:00:05.000Z"})
        assert isinstance(claim, Claim)
        return claim

    def finish(self, image_id: str, etag: str = "e1", **more: Any) -> None:
        claim = self.claim(image_id, etag)
        made = tuple(VariantRecord(name, f"{name}/{image_id}", "jpeg", 8, 6, 99) for name in ("desktop", "phone"))
        lost = ("animation",)
        self.ledger.complete(
            claim, ImageRecord("jpeg", "RGB", 4000, 3000, 3_123_456, "image/jpeg", False, None, made, lost, **more)
        )

    def reject(
        self, image_id: str, cause: str = "CorruptImage", message: str = "broken off", *, etag: str = "e1"
    ) -> None:
        self.ledger.reject(self.claim(image_id, etag), Reason(cause, message), Delivery("m1", 1))

    def fail(self, image_id: str, etag: str = "e1", *, last: bool = False) -> None:
        reason = Reason("SlowDown", "s3:GetObject images/secret: SlowDown")
        claim = self.claim(image_id, etag, receive=2, last=last)
        self.ledger.fail(claim, reason, Delivery("m1", 2, last_receive=last))

    def items(self) -> list[dict[str, Any]]:
        read = TypeDeserializer().deserialize
        found = self.dynamodb.scan(TableName="images")["Items"]
        return [{name: read(value) for name, value in item.items()} for item in found]


def key(image_id: str) -> str:
    return f"images/2027-01-15/{image_id}"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def behind(clock: Clock) -> Iterator[Stage]:
    """Clients take long to make: those of the stage and of the handler are made once for each module of tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            service = build_api(clock=clock)
            patch.setattr(api, "api", lambda: service)
            yield Stage(boto3.client("s3"), boto3.client("dynamodb"), boto3.client("sqs"), clock)


@pytest.fixture
def stage(behind: Stage) -> Stage:
    """A stage with an empty table and empty buckets, and the clock set back."""
    requests.post("http://motoapi.amazonaws.com/moto-api/reset", timeout=5)
    behind.clock.now = BEGINNING
    for bucket in ("uploads", "variants"):
        behind.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    behind.dynamodb.create_table(
        TableName="images",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
        KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
    )
    behind.sqs.create_queue(QueueName="erasures")
    return behind


@pytest.fixture
def gateway(stage: Stage) -> Gateway:
    return Gateway()


def declared(name: str = "cat.jpg", content_type: str = "image/jpeg", size: Any = 1000) -> dict[str, Any]:
    """A file as POST /uploads declares it."""
    return {"name": name, "content_type": content_type, "size": size}


@pytest.fixture
def image_id(gateway: Gateway) -> str:
    """An image of Anna's for which she has a presigned POST."""
    (upload,) = gateway.post("/uploads", {"files": [declared()]}).json["uploads"]
    return str(upload["id"])
