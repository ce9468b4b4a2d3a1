"""The ports, in memory and on moto: the same contract tests run against both."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from processing.ledger import DynamoLedger, Version
from processing.storage.objects import NewVariant, S3Store, Store
from tests.doubles import MemoryStore
from tests.memory_dynamodb import MemoryDynamoDB

FINGERPRINT = "0123456789"
CODE = "c0dec0dec0de"
LEASE = 90.0


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bench(Protocol):
    """A store with the levers that only an uploader has."""

    @property
    def store(self) -> Store: ...

    def upload(self, key: str, body: bytes, content_type: str = "image/jpeg") -> str: ...
    def remove(self, key: str) -> None: ...
    def body_of(self, key: str) -> bytes | None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.store = memory = MemoryStore()
        self.upload = memory.upload
        self.remove = memory.remove
        self.body_of: Callable[[str], bytes | None] = lambda key: getattr(memory.variants.get(key), "body", None)


class MotoBench:
    def __init__(self) -> None:
        self._s3 = boto3.client("s3")
        for bucket in ("uploads", "variants"):
            self._s3.create_bucket(Bucket=bucket)
        self.store = S3Store(self._s3, uploads_bucket="uploads", variants_bucket="variants")

    def upload(self, key: str, body: bytes, content_type: str = "image/jpeg") -> str:
        answer = self._s3.put_object(Bucket="uploads", Key=key, Body=body, ContentType=content_type)
        return str(answer["ETag"].strip('"'))

    def remove(self, key: str) -> None:
        self._s3.delete_object(Bucket="uploads", Key=key)

    def body_of(self, key: str) -> bytes | None:
        try:
            return bytes(self._s3.get_object(Bucket="variants", Key=key)["Body"].read())
        except ClientError:
            return None


@dataclass
class LedgerBench:
    """A ledger of its own recipe and code, and a look at its items.

    `again` is the same table, deployed anew; `on` is the same table, by a client that is changed.
    """

    ledger: DynamoLedger
    item: Callable[[Version], Mapping[str, Any] | None]
    again: Callable[[str], DynamoLedger]
    on: Callable[[Callable[[Any], Any]], DynamoLedger]
    clock: Clock


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture(params=["memory", "moto"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return MemoryBench()
    request.getfixturevalue("aws")
    return MotoBench()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "moto"])
def books(request: pytest.FixtureRequest, clock: Clock) -> LedgerBench:
    tokens = map("token-{}".format, itertools.count(1))
    if request.param == "memory":
        return _memory_books(clock, tokens)
    request.getfixturevalue("aws")
    return _moto_books(clock, tokens)


def _memory_books(clock: Clock, tokens: Iterator[str]) -> LedgerBench:
    table = MemoryDynamoDB("images")
    return _books(table, lambda version: table.item(version.object, version.etag), clock, tokens)


def _moto_books(clock: Clock, tokens: Iterator[str]) -> LedgerBench:
    client = boto3.client("dynamodb")
    create_images_table(client)
    table = boto3.resource("dynamodb").Table("images")

    def item(version: Version) -> dict[str, Any] | None:
        return table.get_item(Key={"object": version.object, "etag": version.etag}).get("Item")

    return _books(client, item, clock, tokens)


def create_images_table(client: Any) -> None:
    client.create_table(
        TableName="images",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
        KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
    )


def _books(
    client: Any, item: Callable[[Version], Mapping[str, Any] | None], clock: Clock, tokens: Iterator[str]
) -> LedgerBench:
    def make(client: Any, code: str = CODE) -> DynamoLedger:
        return DynamoLedger(
            client,
            table="images",
            code_version=code,
            lease_seconds=LEASE,
            clock=clock,
            new_token=lambda: next(tokens),
        )

    return LedgerBench(make(client), item, partial(make, client), lambda change: make(change(client)), clock)


def variant(key: str, body: bytes, *, source: str = "e1", fingerprint: str = FINGERPRINT) -> NewVariant:
    return NewVariant(key, body, "image/jpeg", source, fingerprint, cache="public, max-age=60")
