"""A stage of so many objects: buckets, table and queues as boto3's clients show them, each answer made from numbers.

Of every thousand objects one has no record, one has failed, one lacks a variant, and one was removed and left its
variants. Of every dead letter the record has failed. What was sent and what was deleted is kept in files, a byte for
each object, so that it outlives a command that is killed.
"""

import csv
import gzip
import hashlib
import io
import json
import mmap
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ops.cli.stage import Stage
from processing.ledger import Version
from processing.ledger.item import attributes, image_attributes
from processing.recipe import Recipe
from tests.builders import client_error, finished, s3_body, s3_record

UPLOADS, VARIANTS, TABLE, INVENTORIES = "uploads", "variants", "images", "inventories"
QUEUE, DLQ = "https://sqs/queue", "https://sqs/dlq"
PREFIX: Final = "images/"
MODIFIED: Final = datetime(2026, 11, 1, tzinfo=UTC)
PAGE: Final = 1000  # keys of ListObjectsV2
IN_FLIGHT: Final = 120_000  # messages of a standard queue
THOUSAND: Final = 1000
NO_RECORD, FAILED, NO_PHONE, REMOVED = 1, 2, 3, 4  # of every thousand
HANDLE: Final = "A" * 380  # about as long as SQS's
ADDRESS: Final = f"s3://{INVENTORIES}/daily/1/manifest.json"
CAUSES: Final = ("CorruptImage", "AccessDenied", "SlowDown")
ROWS: Final = 100_000  # of one file of the inventory


class Marks:
    """A byte for each object, in a file."""

    def __init__(self, file: Path, count: int) -> None:
        if not file.exists():
            with file.open("wb") as made:
                made.truncate(max(1, count))
        with file.open("r+b") as opened:
            self.bytes = mmap.mmap(opened.fileno(), 0)

    def add(self, number: int) -> None:
        self.bytes[number] = min(255, self.bytes[number] + 1)

    def counts(self) -> Counter[int]:
        """How many objects have how many marks."""
        return Counter(self.bytes[:])


class LiveText(str):
    """Text of which the living copies are counted: ``most`` is how many there were at once."""

    made = gone = most = 0
    # One may go by the garbage collection while the same thread makes another: it must not wait for itself
    _counting = threading.RLock()

    def __new__(cls, text: str) -> "LiveText":
        made = super().__new__(cls, text)
        with cls._counting:
            cls.made += 1
            cls.most = max(cls.most, cls.live())
        return made

    def __del__(self) -> None:
        with self._counting:
            type(self).gone += 1

    @classmethod
    def live(cls) -> int:
        """How many there are now."""
        return cls.made - cls.gone


def _failed(cause: str) -> dict[str, Any]:
    reason = {"cause": cause, "message": "the cause in words", "fingerprint": "", "attempt": 5}
    known = {"status": "FAILED", "attempts": 5, "updated_at": 1_700_000_000, "last_receive": True}
    return attributes(known | {"reason": reason})


class Objects:
    """The objects of a stage, by number."""

    def __init__(self, count: int, recipe: Recipe) -> None:
        self.count = count
        self.recipe = recipe
        key = self.key(0)
        done = image_attributes(finished(recipe, key), Version(UPLOADS, key, self.etag(0)))
        self._done = attributes({"status": "DONE", "attempts": 1, "updated_at": 1_700_000_000}) | done
        self._failed = [_failed(cause) for cause in CAUSES]

    def below(self, number: int) -> str:
        """The key without its prefix; in the order of the numbers."""
        return f"{number // 10_000:05}/{number:09}.jpg"

    def key(self, number: int) -> str:
        return PREFIX + self.below(number)

    def number(self, key: str) -> int:
        return int(key.rpartition("/")[2].partition(".")[0])

    def etag(self, number: int) -> str:
        return hashlib.md5(str(number).encode()).hexdigest()

    def item(self, key: Mapping[str, Any], *, dead: bool) -> dict[str, Any] | None:
        """The item of the images table under a key, both in DynamoDB's JSON."""
        number = self.number(key["object"]["S"])
        kind = number % THOUSAND
        if kind == NO_RECORD and not dead:
            return None
        item = self._failed[number % len(CAUSES)] if kind == FAILED or dead else self._done
        return {**item, **key}


class S3Double:
    """ListObjectsV2, HeadObject and the inventory."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.requests = Counter[str]()

    def get_paginator(self, _operation: str) -> "S3Double":
        return self

    def paginate(self, *, Bucket: str, Prefix: str, StartAfter: str = "", **_: Any) -> Iterator[Mapping[str, Any]]:  # noqa: N803
        first = self.objects.number(StartAfter) + 1 if StartAfter else 0
        folder = Prefix.split("/")[0]
        for start in range(first, max(1, self.objects.count), PAGE):
            self.requests["ListObjectsV2"] += 1
            numbers = range(start, min(start + PAGE, self.objects.count))
            yield {
                "Contents": [
                    self._entry(folder, number) for number in numbers if self._is_there(Bucket, folder, number)
                ]
            }

    def list_objects_v2(self, **_: Any) -> Mapping[str, Any]:
        return {"CommonPrefixes": [{"Prefix": f"{spec.name}/"} for spec in self.objects.recipe.variants]}

    def head_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:  # noqa: N803
        self.requests["HeadObject"] += 1
        number = self.objects.number(Key)
        if not self._is_there(Bucket, Key.split("/")[0], number):
            raise client_error("404", 404, "HeadObject")
        etag = self.objects.etag(number)
        return {"ETag": f'"{etag}"', "ContentLength": 10, "LastModified": MODIFIED, "Metadata": {}}

    def get_object(self, *, Key: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803
        if not Key.endswith("manifest.json"):
            raise client_error("NoSuchKey", 404, "GetObject")
        keys = [f"data/{number}.csv.gz" for number in range(-(-self.objects.count // ROWS))]
        files = [{"key": key, "MD5checksum": hashlib.md5(self._rows(key)).hexdigest()} for key in keys]
        document = {"sourceBucket": UPLOADS, "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size, ETag"}
        content = document | {"creationTimestamp": "1795222800000", "files": files}
        return {"Body": io.BytesIO(json.dumps(content).encode())}

    def download_fileobj(self, _bucket: str, key: str, file: Any, **_: Any) -> None:
        self.requests["GetObject"] += 1
        file.write(self._rows(key))

    def _rows(self, key: str) -> bytes:
        first = int(key.removeprefix("data/").partition(".")[0]) * ROWS
        text = io.StringIO()
        made = csv.writer(text, quoting=csv.QUOTE_ALL)
        numbers = range(first, min(first + ROWS, self.objects.count))
        made.writerows((UPLOADS, self.objects.key(n), 10, self.objects.etag(n)) for n in numbers)
        return gzip.compress(text.getvalue().encode(), 1, mtime=0)

    def _entry(self, folder: str, number: int) -> Mapping[str, Any]:
        key = LiveText(f"{folder}/{self.objects.below(number)}")
        return {"Key": key, "ETag": f'"{self.objects.etag(number)}"', "Size": 10, "LastModified": MODIFIED}

    def _is_there(self, bucket: str, folder: str, number: int) -> bool:
        kind = number % THOUSAND
        return kind != (REMOVED if bucket == UPLOADS else NO_PHONE if folder == "phone" else -1)


class TableDouble:
    """BatchGetItem of objects' records, and the history of redrives."""

    def __init__(self, objects: Objects, *, dead: bool) -> None:
        self._objects = objects
        self._dead = dead
        self.requests = Counter[str]()

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N803
        self.requests["BatchGetItem"] += 1
        keys = RequestItems[TABLE]["Keys"]
        items = (self._objects.item(key, dead=self._dead) for key in keys)
        return {"Responses": {TABLE: [item for item in items if item is not None]}}

    def put_item(self, **_: Any) -> Mapping[str, Any]:
        self.requests["PutItem"] += 1
        return {}


class QueuesDouble:
    """The uploads queue, which is emptied at once, and a dead-letter queue of a message for every object.

    Args:
        sent: marks what was sent to the uploads queue.
        gone: marks what was deleted from the dead-letter queue. What a killed command had received is visible again.
    """

    def __init__(self, objects: Objects, sent: Marks, gone: Marks) -> None:
        self.requests = Counter[str]()
        self._objects, self._sent, self._gone = objects, sent, gone
        self._next = 0
        self._back: deque[int] = deque()
        self._in_flight: set[int] = set()
        self._left = gone.counts()[0]
        self._changing = threading.Lock()

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803
        in_flight = len(self._in_flight) if QueueUrl == DLQ else 0
        waiting = self._left - in_flight if QueueUrl == DLQ else 0
        counts = {"": waiting, "NotVisible": in_flight, "Delayed": 0}
        attributes = {f"ApproximateNumberOfMessages{name}": str(n) for name, n in counts.items()}
        return {"Attributes": attributes | {"VisibilityTimeout": "60"}}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:  # noqa: N803
        assert QueueUrl == QUEUE
        for entry in Entries:
            key = json.loads(entry["MessageBody"])["Records"][0]["s3"]["object"]["key"]
            self._sent.add(self._objects.number(key.replace("%2F", "/")))
        self.requests["SendMessageBatch"] += 1
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> Mapping[str, Any]:  # noqa: N803
        with self._changing:
            self.requests["ReceiveMessage"] += 1
            room = min(MaxNumberOfMessages, IN_FLIGHT - len(self._in_flight))
            numbers: list[int] = []
            while len(numbers) < room and (number := self._visible()) is not None:
                numbers.append(number)
            self._in_flight.update(numbers)
        return {"Messages": [self._message(number) for number in numbers]}

    def change_message_visibility_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> Mapping[str, Any]:  # noqa: N803
        with self._changing:
            self.requests["ChangeMessageVisibilityBatch"] += 1
            for entry in Entries:
                number = self._number(entry)
                if not entry["VisibilityTimeout"] and number in self._in_flight:
                    self._in_flight.discard(number)
                    self._back.append(number)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def delete_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> Mapping[str, Any]:  # noqa: N803
        with self._changing:
            self.requests["DeleteMessageBatch"] += 1
            for entry in Entries:
                number = self._number(entry)
                self._left -= not self._gone.bytes[number]
                self._gone.bytes[number] = 1
                self._in_flight.discard(number)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def _visible(self) -> int | None:
        while self._next < self._objects.count:
            self._next += 1
            if not self._gone.bytes[self._next - 1]:
                return self._next - 1
        return self._back.popleft() if self._back else None

    def _number(self, entry: Mapping[str, Any]) -> int:
        return int(entry["ReceiptHandle"].removeprefix(HANDLE))

    def _message(self, number: int) -> Mapping[str, Any]:
        body = s3_body(s3_record(self._objects.key(number), etag=self._objects.etag(number), bucket=UPLOADS))
        sent = str(1_790_000_000_000 + number)
        arn = "arn:aws:sqs:eu-west-1:123456789012:darkroom-million-uploads"
        return {
            "MessageId": f"{number:08x}-0000-4000-8000-000000000000",
            "ReceiptHandle": f"{HANDLE}{number}",
            "Body": LiveText(body),
            "Attributes": {"SentTimestamp": sent, "ApproximateReceiveCount": "6", "DeadLetterQueueSourceArn": arn},
        }


class OthersDouble:
    """Lambda's and STS's answers, as far as commands ask."""

    def get_function_configuration(self, **_: Any) -> Mapping[str, Any]:
        variables = {"CODE_VERSION": "c0de00000001", "REMOVALS": "true"}
        return {
            "MemorySize": 1769,
            "Timeout": 260,
            "Architectures": ["x86_64"],
            "LastModified": "2026-11-25T10:00:00.000+0000",
            "Environment": {"Variables": variables},
        }

    def get_caller_identity(self) -> Mapping[str, Any]:
        return {"Arn": "arn:aws:iam::123456789012:user/bench"}


class GeneratedStage:
    """A stage of so many objects, whose marks are in a folder."""

    def __init__(self, count: int, recipe: Recipe, folder: Path, *, dead: bool = False) -> None:
        objects = Objects(count, recipe)
        self.sent, self.gone = Marks(folder / "sent", count), Marks(folder / "gone", count)
        self.s3, self.table = S3Double(objects), TableDouble(objects, dead=dead)
        self.sqs = QueuesDouble(objects, self.sent, self.gone)
        self._clients = {"s3": self.s3, "dynamodb": self.table, "sqs": self.sqs}
        outputs = {"UploadsBucket": UPLOADS, "UploadsPrefix": PREFIX, "VariantsBucket": VARIANTS, "ImagesTable": TABLE}
        outputs |= {"UploadsQueueUrl": QUEUE, "UploadsDlqUrl": DLQ, "ConsumerFunction": "consumer"}
        self.stage = Stage.of("million", "eu-west-1", outputs, self.client)

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return self._clients.get(service) or OthersDouble()

    @property
    def requests(self) -> Counter[str]:
        """How many of each operation."""
        return self.s3.requests + self.table.requests + self.sqs.requests
