"""Erasures at random moments of a worker's life: the real worker in a thread, on S3 and DynamoDB in moto.

An order is a sequence of steps; the one of `Eraser.advance` leaves nothing, and each other one here leaves something.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import boto3

from processing.concurrency import Backoff
from processing.erasure import Eraser, Receipt, Retention
from processing.errors import DarkroomError
from processing.events import parse
from processing.imaging import Rendered
from processing.ledger import Delivery, DynamoLedger
from processing.ledger.erasures import ErasureTable, Intent, new_intent
from processing.recipe import Recipe
from processing.storage.objects import S3Store
from processing.storage.versions import S3Versions
from processing.worker import Worker
from tests.builders import UPLOADS, created_body, fake_render, recipe, removed_body
from tests.processing.conftest import create_images_table

LEASE: Final = 2.0  # seconds
REQUEST: Final = 0.3  # that one may take
RENDER: Final = 0.2  # that an image takes
LIFE: Final = 0.5  # of a worker, about
RECEIVES: Final = 3
AT_ONCE: Final = 6


@dataclass(frozen=True)
class Left:
    """What a wipe left: pictures, and records that name the object and do not expire."""

    pictures: int
    records: int


@dataclass
class Wiped:
    """One object, its worker, and the eraser."""

    key: str
    removals: bool
    s3: Any
    dynamodb: Any

    def __post_init__(self) -> None:
        self.table = ErasureTable(self.dynamodb, "images")
        self.eraser = Eraser(
            versions=S3Versions(self.s3),
            table=self.table,
            uploads_bucket=UPLOADS,
            variants_bucket="variants",
            prefix="images/",
            request_seconds=REQUEST,
            retention=Retention(30, 4, 14, frozenset()),
        )
        self.intent = new_intent(UPLOADS, self.key, by="a test", now=time.time())

    def work(self, body: str) -> None:
        """Receive a message until it is acknowledged, at most `RECEIVES` times."""
        for receive in range(1, RECEIVES + 1):
            try:
                for event in parse(body):
                    self._worker().handle(event, Delivery(body, receive))
            except DarkroomError:
                time.sleep(RENDER)
                continue
            return

    def left(self) -> Left:
        listed = self.s3.list_objects_v2(Bucket="variants").get("Contents", [])
        pictures = [each["Key"] for each in listed if each["Key"].partition("/")[2] == self.key.partition("/")[2]]
        items = self.dynamodb.scan(TableName="images")["Items"]
        names = [item for item in items if item["object"]["S"] == self.intent.object]
        return Left(len(pictures), len([item for item in names if "expires_at" not in item]))

    def _worker(self) -> Worker:
        return Worker(
            store=S3Store(self.s3, uploads_bucket=UPLOADS, variants_bucket="variants"),
            ledger=DynamoLedger(
                self.dynamodb, table="images", code_version="code", lease_seconds=LEASE, clock=time.time
            ),
            render=_slow_render,
            recipe=recipe(),
            uploads_bucket=UPLOADS,
            prefix="images/",
            removals=self.removals,
            request_seconds=REQUEST,
            backoff=Backoff(random.Random()),
        )


def _slow_render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
    time.sleep(RENDER)
    return fake_render(data, recipe, only)


def as_it_is(wiped: Wiped) -> None:
    """The eraser's own order: source, wait, variants, records, look."""
    intent = wiped.table.begin(wiped.intent)
    while not isinstance(step := wiped.eraser.advance(intent), Receipt):
        time.sleep(step.seconds)
        intent = wiped.table.find(intent.digest) or intent


def _source(wiped: Wiped, intent: Intent) -> None:
    wiped.eraser._erase_originals(intent)


def _variants(wiped: Wiped, intent: Intent) -> None:
    wiped.eraser._erase_variants(intent, wiped.eraser._variant_names(intent))


def _records(wiped: Wiped, intent: Intent) -> None:
    for record in wiped.table.records(intent):
        wiped.dynamodb.delete_item(TableName="images", Key=record.version.item_key)


def _in_order(*steps: Callable[[Wiped, Intent], None]) -> Callable[[Wiped], None]:
    def erase(wiped: Wiped) -> None:
        intent = wiped.table.begin(wiped.intent)
        for step in steps:
            step(wiped, intent)

    return erase


ORDERS: Final[Mapping[str, Callable[[Wiped], None]]] = {
    "source, wait, variants, records, look": as_it_is,
    "source, variants, records": _in_order(_source, _variants, _records),
    "variants, records, source": _in_order(_variants, _records, _source),
    "records, variants, source": _in_order(_records, _variants, _source),
}
RIGHT: Final = next(iter(ORDERS))


def make_stage() -> tuple[Any, Any]:
    """The buckets and the table; clients of S3 and DynamoDB for any thread."""
    lock = threading.Lock()
    s3, dynamodb = _one_by_one(boto3.client("s3"), lock), _one_by_one(boto3.client("dynamodb"), lock)
    if UPLOADS not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        for bucket in (UPLOADS, "variants"):
            s3.create_bucket(Bucket=bucket)
        create_images_table(dynamodb)
    return s3, dynamodb


def _one_by_one(client: Any, lock: threading.Lock) -> Any:
    """A client whose requests take effect one after the other: moto is not safe between threads."""
    call = client._make_api_call

    def locked(*args: Any) -> Any:
        with lock:
            return call(*args)

    client._make_api_call = locked
    return client


def run(order: str, *, times: int, removals: bool, seed: int = 0) -> list[Left]:
    """So many wipes, several at once, each at a random moment of its worker's life."""
    s3, dynamodb = make_stage()
    rng = random.Random(seed)
    moments = [rng.uniform(0, LIFE) for _ in range(times)]

    def wipe(number: int) -> Left:
        return _wipe(Wiped(f"images/{seed}-{number}.jpg", removals, s3, dynamodb), ORDERS[order], moments[number])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(wipe, range(times)))


def _wipe(wiped: Wiped, erase: Callable[[Wiped], None], moment: float) -> Left:
    etag = wiped.s3.put_object(Bucket=UPLOADS, Key=wiped.key, Body=wiped.key.encode())["ETag"].strip('"')
    body = created_body(wiped.key, etag)
    worker = threading.Thread(target=wiped.work, args=(body,))
    worker.start()
    time.sleep(moment)
    erase(wiped)
    worker.join()
    wiped.work(body)  # a late message
    wiped.work(removed_body(wiped.key))
    return wiped.left()
