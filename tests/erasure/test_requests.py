"""What one erasure requests of S3 and DynamoDB, counted: the table that `darkroom estimate` uses."""

import random
from collections import Counter
from typing import Any

import boto3
import pytest

from ops.cli.switches.erasing import ErasureCounts, erased
from processing.concurrency import Backoff
from processing.erasure import Eraser, Receipt, Retention
from processing.events import parse
from processing.ledger import Delivery, DynamoLedger
from processing.ledger.erasures import ErasureTable, new_intent
from processing.storage.objects import S3Store
from processing.storage.versions import S3Versions
from processing.worker import Worker
from tests.builders import UPLOADS, created_body, fake_render, recipe
from tests.processing.conftest import Clock, create_images_table

KEY = "images/cat.jpg"
OWNER = "caller:key/anna"


def counted(requests: Counter[str]) -> ErasureCounts:
    """All that were sent, by what they are charged as."""
    sent = dict(requests)
    made = ErasureCounts(
        lists=sent.pop("ListObjectVersions") + sent.pop("ListMultipartUploads"),
        gets=sent.pop("GetObjectLockConfiguration"),
        deletes=sent.pop("DeleteObject"),
        writes=sum(sent.pop(name) for name in ("PutItem", "UpdateItem", "DeleteItem")),
        reads=sent.pop("Query") + sent.pop("GetItem"),
    )
    assert sent == {}
    return made


def processed(s3: Any, dynamodb: Any, clock: Clock, *folders: str) -> None:
    """An image of anna's with a variant in each folder, long done."""
    etag = s3.put_object(Bucket=UPLOADS, Key=KEY, Body=b"A")["ETag"].strip('"')
    worker = Worker(
        store=S3Store(s3, uploads_bucket=UPLOADS, variants_bucket="variants"),
        ledger=DynamoLedger(dynamodb, table="images", code_version="code", lease_seconds=90, clock=clock),
        render=fake_render,
        recipe=recipe(*folders),
        uploads_bucket=UPLOADS,
        prefix="images/",
        removals=False,
        request_seconds=22,
        backoff=Backoff(random.Random(), clock.sleep),
        clock=clock,
    )
    for event in parse(created_body(KEY, etag)):
        worker.handle(event, Delivery("m1", 1))
    dynamodb.put_item(TableName="images", Item={"object": {"S": OWNER}, "etag": {"S": "cat.jpg"}})
    clock.now += 1000


@pytest.mark.parametrize("folders", [("phone",), ("desktop", "tablet", "phone")], ids=len)
def test_an_erasure_looks_for_each_variant_twice_under_every_name(aws: None, folders: tuple[str, ...]) -> None:
    s3, dynamodb, clock = boto3.client("s3"), boto3.client("dynamodb"), Clock()
    for bucket in (UPLOADS, "variants"):
        s3.create_bucket(Bucket=bucket)
    create_images_table(dynamodb)
    processed(s3, dynamodb, clock, *folders)
    requests: Counter[str] = Counter()
    for client in (s3, dynamodb):
        client.meta.events.register("before-call", lambda model, **_: requests.update([model.name]))

    table = ErasureTable(dynamodb, "images")
    intent = table.begin(new_intent(UPLOADS, KEY, by="key/anna", now=clock.now, owner=OWNER))
    eraser = Eraser(
        versions=S3Versions(s3),
        table=table,
        uploads_bucket=UPLOADS,
        variants_bucket="variants",
        prefix="images/",
        request_seconds=22,
        retention=Retention(30, 4, 14, frozenset()),
        clock=clock,
    )
    found = table.find(intent.digest)
    assert found is not None
    assert isinstance(eraser.advance(found), Receipt)

    assert counted(requests) == erased(len(folders))
