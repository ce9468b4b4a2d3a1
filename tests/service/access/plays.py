"""Every branch of each function that sends or signs a request, played through its composition root on moto."""

import io
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from urllib3 import HTTPResponse

from api.owners import partition_of
from handlers import api
from handlers.announcer_bootstrap import build_announcer
from handlers.api_bootstrap import build_api
from handlers.bootstrap import build_consumer
from handlers.eraser_bootstrap import build_eraser
from handlers.worker_queue import ReceivingQueue, make_receiving_client
from processing.errors import Unavailable
from processing.ledger import Claim, Delivery, DynamoLedger, ImagesTable, Version
from processing.ledger.erasures import ErasureTable, new_intent
from processing.ledger.item import attributes
from processing.messages import Message, message_of
from processing.outbox import ItemChange
from processing.storage.objects import S3Store
from tests.api.conftest import declared
from tests.api.gateway import Gateway
from tests.builders import created_body, finished, recipe, removed_body
from tests.handlers.test_consumer import ENVIRONMENT, jpeg, record
from tests.moto_server import MotoServer
from tests.processing.conftest import create_images_table
from tests.processing.test_outbox import Books, finish

KEY = "images/cat.jpg"
RETENTION = {"LOG_RETENTION_DAYS": "30", "QUEUE_RETENTION_DAYS": "4", "DLQ_RETENTION_DAYS": "14"}
FOR_THE_API = {
    "CONSUMER_MEMORY": "1769",
    "AUTHORIZER": "api-key",
    "OPERATORS": "olga",
    "CORS_ORIGINS": "",
    "UPLOAD_SECONDS": "900",
    "LINK_SECONDS": "3600",
    "LOG_LEVEL": "ERROR",
}


class Scene:
    """An empty stage on moto; with ``locks``, the uploads bucket has versions that can be locked."""

    def __init__(self, server: MotoServer, patch: pytest.MonkeyPatch, *, locks: bool) -> None:
        server.reset()
        self.patch = patch
        for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": server.url}).items():
            patch.setenv(name, value)
        self.s3, self.sqs, self.dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")
        create_images_table(self.dynamodb)
        for bucket in ("uploads", "variants"):
            self.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=locks and bucket == "uploads")
        self.queues = {name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("uploads", "erasures")}
        boto3.client("events").create_event_bus(Name="bus")

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**ENVIRONMENT, "LOG_LEVEL": "ERROR", "QUEUE_URL": self.queues["uploads"], **more}

    def upload(self, body: bytes, key: str = KEY) -> str:
        return str(self.s3.put_object(Bucket="uploads", Key=key, Body=body)["ETag"].strip('"'))

    def finish(self, version: Version) -> None:
        """Record a version as done, as the consumer does."""
        ledger = DynamoLedger(self.dynamodb, table="images", code_version="code", lease_seconds=90, clock=time.time)
        claim = ledger.claim(version, Delivery("m1", 1))
        assert isinstance(claim, Claim)
        ledger.complete(claim, finished(recipe("phone"), version.key))

    def put(self, version: Version, **values: object) -> None:
        """Put a record into the table."""
        self.dynamodb.put_item(TableName="images", Item=version.item_key | attributes(values))

    def received(self, queue: str, body: str) -> Message:
        """A message of a queue, as Lambda has received it."""
        self.sqs.send_message(QueueUrl=self.queues[queue], MessageBody=body)
        (found,) = self.sqs.receive_message(QueueUrl=self.queues[queue], AttributeNames=["All"])["Messages"]
        return message_of(record(1, body) | {"receiptHandle": found["ReceiptHandle"]})


def consume(scene: Scene, switches: Collection[str]) -> None:
    """First upload, overwrite, an event too late, a removal, a rejection."""
    batch = build_consumer(scene.environment({"REMOVALS": str("removals" in switches).lower()}))

    def process(body: str) -> None:
        batch.process([scene.received("uploads", body)], seconds_left=lambda: 60, request_id="request-1")

    first = scene.upload(jpeg())
    process(created_body(KEY, first))
    second = scene.upload(jpeg("red", (700, 500)))
    process(created_body(KEY, second))
    process(created_body(KEY, first))
    process(created_body("images/broken.jpg", scene.upload(b"no picture", "images/broken.jpg")))
    scene.s3.delete_object(Bucket="uploads", Key=KEY)
    process(removed_body(KEY))


def work(scene: Scene, switches: Collection[str]) -> None:
    """The container's task: what it polls, deletes and gives back, and the consumer in it."""
    client = make_receiving_client(wait=1)
    queue = ReceivingQueue(client, scene.queues["uploads"], batch_size=1, wait=1)
    queue.numbers()
    for end in (queue.delete, queue.give_back):
        scene.sqs.send_message(QueueUrl=scene.queues["uploads"], MessageBody="{}")
        end(queue.receive())
    scene.sqs.purge_queue(QueueUrl=scene.queues["uploads"])
    consume(scene, switches)


def serve(scene: Scene, switches: Collection[str]) -> None:
    """An upload by each way, each view of it at each stage of its life, and an erasure that is requested twice."""
    more = {"ERASURES_QUEUE_URL": scene.queues["erasures"]} if "erasure" in switches else {}
    cdn = {"CDN_URL": "https://pictures.example.com"} if "cdn" in switches else {}
    service = build_api(scene.environment(FOR_THE_API | more | cdn))
    scene.patch.setattr(api, "api", lambda: service)
    gateway = Gateway()

    (upload,) = gateway.post("/uploads", {"files": [declared()]}).json["uploads"]
    name, key = upload["id"], service.key(upload["id"])
    once = {"content-type": "image/jpeg", "idempotency-key": "batch-7/1"}
    for headers in ({"content-type": "image/jpeg"}, once, once):  # at last a repeat, which finds the owner and the file
        assert gateway.send("POST", "/upload?name=cat.jpg", jpeg(), headers).status == 201
    assert gateway.get(f"/images/{name}").json["status"] == "waiting"
    scene.finish(Version("uploads", key, scene.upload(b"x", key)))
    assert gateway.get(f"/images/{name}").json["status"] == "done"
    for _ in range(2):  # the second time by the keys of the records
        assert gateway.get("/images").status == 200
    for query in (f"key={key}", "prefix=images/"):  # an operator's
        assert Gateway(caller="olga").get(f"/images?{query}").status == 200
    assert gateway.get(f"/images/{name}/phone").status == 302
    assert gateway.get(f"/images/{name}/phone?redirect=false").status == 404
    if "erasure" in switches:
        assert [gateway.send("DELETE", f"/images/{name}").status for _ in range(2)] == [202, 202]


def announce(scene: Scene, _switches: Collection[str]) -> None:
    """The end of a version, on the bus."""
    books = Books()
    finish(books, "rejected")
    announcer = build_announcer({"EVENT_BUS": "bus", "VARIANTS_BUCKET": "variants", "LOG_LEVEL": "ERROR"})

    changes = [each["dynamodb"] for each in books.table.chosen]
    assert announcer.announce([ItemChange("1", each["NewImage"]) for each in changes]) is None


def erase(scene: Scene, switches: Collection[str]) -> None:
    """An image in a bucket with locks: versions, a marker, an unfinished upload, variants that could be another's.

    The erasure of a second one has to wait for a worker.
    """
    bus = {"EVENT_BUS": "bus"} if "events" in switches else {}
    queue = {"QUEUE_URL": scene.queues["erasures"], "SWITCHES": ",".join(sorted(switches))}
    erasures = build_eraser(scene.environment(RETENTION | queue | bus))
    table = ErasureTable(scene.dynamodb, "images")
    scene.upload(b"x")
    scene.upload(b"y", f"{KEY}.webp")
    scene.s3.create_multipart_upload(Bucket="uploads", Key=KEY)
    variant: dict[str, Any] = {"Bucket": "variants", "Key": "phone/cat.jpg.webp", "Body": b"x"}
    scene.s3.put_object(**variant)
    scene.s3.put_bucket_versioning(Bucket="variants", VersioningConfiguration={"Status": "Enabled"})
    scene.s3.put_object(**variant)
    scene.put(Version("uploads", KEY, "e1"), owner="token", status="DONE", updated_at=1000)
    scene.put(Version("uploads", "images/dog.jpg", "e1"), status="IN_PROGRESS", lease_until=int(time.time()) + 100)
    owner = partition_of("key/anna")
    scene.dynamodb.put_item(TableName="images", Item=attributes({"object": owner, "etag": "cat.jpg"}))

    for key, ends in ((KEY, True), ("images/dog.jpg", False)):
        intent = table.begin(new_intent("uploads", key, by="key/anna", owner=owner, now=1000))
        assert erasures.take(scene.received("erasures", intent.digest)) is ends


def elsewhere(scene: Scene, _switches: Collection[str]) -> None:
    """What commands alone request by the code that the functions share, and an answer that moto never gives."""
    table = ImagesTable(scene.dynamodb, "images")
    list(table.below("uploads", ["images/"]))
    table.changed_since(datetime.now(UTC), most=1)
    ErasureTable(scene.dynamodb, "images").owners({"cat.jpg"})
    s3: Any = boto3.client("s3")
    no_header: Any = {}
    refused = AWSResponse("", 400, no_header, HTTPResponse(io.BytesIO(), preload_content=False))
    s3.meta.events.register("before-send.s3.HeadObject", lambda **_: refused)
    with pytest.raises(Unavailable):
        S3Store(s3, uploads_bucket="uploads", variants_bucket="variants").source_etag("images/missing.jpg")


Play = Callable[[Scene, Collection[str]], None]
PLAYS: dict[str, Play] = {
    "ConsumerRole": consume,
    "TaskRole": work,
    "ApiRole": serve,
    "AnnouncerRole": announce,
    "EraserRole": erase,
}
"""By the role."""

ELSEWHERE: dict[str, Play] = {"nobody": elsewhere}
