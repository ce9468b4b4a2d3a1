"""A chaos run: what is uploaded, how it is delivered, what is broken meanwhile, and whether all agrees in the end."""

import io
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ops.local.deployed import EventSourceMapping, Function
from ops.local.emulator import ACCOUNT, Emulator
from ops.local.player import Player
from processing.events import parse
from tests.builders import created_body, removed_body
from tests.chaos.proxy import Proxy, Trouble

REGION = "eu-west-1"
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 12  # of the function, in seconds
LEASE = 15
VISIBILITY = 30
RECEIVES = 5
VARIANTS = ("desktop", "tablet", "phone")


@dataclass
class Upload:
    """One key: the versions it had, in order (None is a removal), and what must be shown in the end."""

    key: str
    versions: list[bytes | None]
    etags: list[str] = field(default_factory=list)

    @property
    def last(self) -> bytes | None:
        return self.versions[-1]


@dataclass
class Result:
    """What came of a run; ``disagreements`` is empty when ledger, buckets and dead letters agree with the uploads."""

    objects: int = 0
    events: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    redriven: int = 0
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


class Chaos:
    """One run on an emulator of its own.

    Args:
        images: how many keys; one in twenty is broken, one in five is overwritten or removed.
        work_dir: for logs.
        progress: called with each line worth telling.
    """

    def __init__(self, *, images: int, seed: int, work_dir: Path, progress: Callable[[str], None]) -> None:
        self._images = images
        self._chance = random.Random(seed)
        self._seed = seed
        self._log_dir = work_dir / "logs"
        self._progress = progress
        self.result = Result(objects=images)

    def run(self) -> Result:
        """Upload, break things for a while, let all come to its end, and compare."""
        started = time.monotonic()
        emulator = Emulator(region=REGION, log=self._log_dir / "emulator.log")
        emulator.start()
        try:
            with Proxy(emulator.endpoint, seed=self._seed) as proxy:
                self._play(emulator, proxy)
        finally:
            emulator.stop()
        self.result.seconds = time.monotonic() - started
        return self.result

    def _play(self, emulator: Emulator, proxy: Proxy) -> None:
        self._stage = stage = Stage(emulator)
        uploads = self._upload(stage)
        player = self._player(stage, emulator, proxy)
        player.start()
        try:
            with self._killer(player):
                self._trouble(proxy, stage, player)
            self._progress("calm again: waiting for the queue to drain")
            self._drain(stage, player)
            self._redrive(stage, uploads)
            self._drain(stage, player)
        finally:
            player.kill()
        self.result.injected.update(proxy.counts)
        self.result.deliveries = player.counts.messages
        self._compare(stage, uploads)

    def _upload(self, stage: "Stage") -> list[Upload]:
        """Put every version, then send every event 1 to 4 times in any order."""
        uploads = [self._plan(number) for number in range(self._images)]
        bodies = []
        for upload in uploads:
            for version in upload.versions:
                bodies += [stage.put(upload, version)] * self._chance.choice((1, 1, 2, 3, 4))
        self.result.events = len(bodies)
        self._chance.shuffle(bodies)
        stage.send(bodies)
        self._progress(f"{len(uploads)} objects, {len(bodies)} messages")
        return uploads

    def _plan(self, number: int) -> Upload:
        key = f"images/{number % 7}/photo {number:04d}.jpg"
        if number % 20 == 0:
            return Upload(key, [self._broken()])
        if number % 5 == 1:
            one, other = self._picture(), self._picture()
            return Upload(
                key, list(self._chance.choice([(one, other), (one, other, one), (one, None), (one, None, one)]))
            )
        return Upload(key, [self._picture()])

    def _picture(self) -> bytes:
        out = io.BytesIO()
        noise = Image.frombytes("RGB", (8, 6), self._chance.randbytes(8 * 6 * 3))
        noise.resize((160, 120)).save(out, "JPEG")
        return out.getvalue()

    def _broken(self) -> bytes:
        return self._picture()[:-400] if self._chance.random() < 0.5 else b"no picture " + self._chance.randbytes(8)

    def _player(self, stage: "Stage", emulator: Emulator, proxy: Proxy) -> Player:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chaos"
        function = Function(
            name="chaos", arn=arn, handler="tests.chaos.handler.handler", timeout=TIMEOUT, memory=1769,
            environment=stage.environment(),
        )  # fmt: skip
        mapping = EventSourceMapping(
            queue_arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:uploads", function_name="chaos", batch_size=10, window=0,
            maximum_concurrency=3, reports_failures=True,
        )  # fmt: skip
        return Player(
            emulator.client("sqs"), mapping, function, code_root=ROOT,
            environ=emulator.environ() | {"AWS_ENDPOINT_URL": proxy.url}, log_dir=self._log_dir, environments=3,
        )  # fmt: skip

    @contextmanager
    def _killer(self, player: Player) -> Iterator[None]:
        """Kill an execution environment every second or so."""
        over = threading.Event()

        def kill() -> None:
            while not over.wait(self._chance.uniform(0.3, 1.5)):
                pids = [environment.pid for environment in player._environments if environment.pid]
                if pids:
                    os.kill(self._chance.choice(pids), signal.SIGKILL)
                    self.result.injected["SIGKILL of an execution environment"] += 1

        thread = threading.Thread(target=kill, name="killer")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _trouble(self, proxy: Proxy, stage: "Stage", player: Player) -> None:
        """Trouble with single requests all the time, and each service out altogether until it has hurt."""
        proxy.rate = 0.03
        for service, refusals in (("sqs", 2), ("s3", self._images // 4), ("dynamodb", self._images // 4)):
            self._progress(f"{service} is out")
            proxy.down = service
            enough = proxy.counts[f"{service}: {Trouble.REFUSED}"] + refusals
            self._wait(stage, player, lambda s=service, n=enough: proxy.counts[f"{s}: {Trouble.REFUSED}"] >= n)
            proxy.down = None
        self._progress("all services answer, for the most part")
        calls = sum(proxy.counts.values()) + self._images // 10
        self._wait(stage, player, lambda: sum(proxy.counts.values()) >= calls)
        proxy.rate = 0.0

    @staticmethod
    def _wait(stage: "Stage", player: Player, enough: Callable[[], bool]) -> None:
        """Until it is enough, or nothing is left that could be troubled."""
        while stage.left() and not enough():
            player.raise_if_broken()
            time.sleep(0.1)

    def _drain(self, stage: "Stage", player: Player) -> None:
        deadline = time.monotonic() + 40 * VISIBILITY
        while (left := stage.left()) and time.monotonic() < deadline:
            player.raise_if_broken()
            time.sleep(0.2)
        if left:
            self.result.disagreements.append(f"{left} messages are left after {40 * VISIBILITY} s")

    def _redrive(self, stage: "Stage", uploads: list[Upload]) -> None:
        """Send the dead letters of good pictures again: they met more faults than they had receives."""
        broken = {upload.key for upload in uploads if not is_picture(upload.last)}
        dead = stage.dead()
        again = [body for body in dead if key_of(body) not in broken]
        stage.drain_dead(again)
        self.result.redriven = len(again)
        stage.send(again)

    def _compare(self, stage: "Stage", uploads: list[Upload]) -> None:
        dead = {key_of(body) for body in stage.dead()}
        shown = stage.shown()
        for upload in uploads:
            expected = None if upload.last is None else upload.etags[-1]
            item = stage.item(upload.key, expected) if expected else None
            self.result.statuses[item["status"] if item else "REMOVED"] += 1
            self._judge(upload, expected, item, shown, upload.key in dead)
        self._count_twice(uploads)
        self.result.disagreements += self.result.lost + self.result.stale + self.result.twice

    def _judge(self, upload: Upload, expected: str | None, item: Any, shown: dict[str, str], is_dead: bool) -> None:
        found = [shown.get(upload.key.replace("images/", f"{name}/")) for name in VARIANTS]
        if not is_picture(upload.last):
            if upload.last is not None and not (item and item["status"] == "REJECTED" and is_dead):
                self.result.lost.append(f"{upload.key}: broken, but {item and item['status']}, dead: {is_dead}")
            if any(found):
                self.result.stale.append(f"{upload.key}: nothing must be shown, but {found}")
            return
        if is_dead or not item or item["status"] != "DONE":
            self.result.lost.append(f"{upload.key}: {item and item['status']}, dead: {is_dead}")
        if set(found) != {expected}:
            self.result.stale.append(f"{upload.key}: {expected} must be shown, but {found}")

    def _count_twice(self, uploads: list[Upload]) -> None:
        """Nothing that was never undone is done twice."""
        undisturbed = {f"uploads/{upload.key}" for upload in uploads if len(upload.versions) == 1}
        done = Counter(line["object"] for line in self._lines() if line.get("outcome") == "done")
        self.result.twice = [f"{thing}: done {n} times" for thing, n in done.items() if n > 1 and thing in undisturbed]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for path in self._log_dir.glob("chaos-*.log"):
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("{") and line.endswith("}"):  # a killed process leaves half a line
                    yield json.loads(line)


class Stage:
    """Buckets, table and queues, made by API and used past the proxy."""

    def __init__(self, emulator: Emulator) -> None:
        self.s3 = emulator.client("s3")
        self.sqs = emulator.client("sqs")
        self.dynamodb = emulator.client("dynamodb")
        for bucket in ("uploads", "variants"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.dynamodb.create_table(
            TableName="images",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
        )
        self.dlq = self.sqs.create_queue(QueueName="uploads-dlq")["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:uploads-dlq",
            "maxReceiveCount": str(RECEIVES),
        }
        attributes = {"VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": json.dumps(redrive)}
        self.queue = self.sqs.create_queue(QueueName="uploads", Attributes=attributes)["QueueUrl"]

    def environment(self) -> dict[str, str]:
        """The consumer's, as the deployed function has it."""
        return {
            "UPLOADS_BUCKET": "uploads",
            "UPLOADS_PREFIX": "images/",
            "VARIANTS_BUCKET": "variants",
            "IMAGES_TABLE": "images",
            "QUEUE_URL": self.queue,
            "MAX_RECEIVE_COUNT": str(RECEIVES),
            "FUNCTION_TIMEOUT": str(TIMEOUT),
            "LEASE_SECONDS": str(LEASE),
            "REMOVALS": "true",
            "CODE_VERSION": "chaoschaos00",
        }

    def put(self, upload: Upload, version: bytes | None) -> str:
        """Put or remove a version; returns the event's body."""
        if version is None:
            self.s3.delete_object(Bucket="uploads", Key=upload.key)
            return removed_body(upload.key)
        answer = self.s3.put_object(Bucket="uploads", Key=upload.key, Body=version)
        upload.etags.append(answer["ETag"].strip('"'))
        return created_body(upload.key, upload.etags[-1])

    def send(self, bodies: list[str]) -> None:
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
            assert not answer.get("Failed")

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead(self) -> list[str]:
        """The dead letters' bodies; they stay where they are."""
        return [message["Body"] for message in self._dead_messages()]

    def drain_dead(self, bodies: list[str]) -> None:
        wanted = Counter(bodies)
        for message in self._dead_messages():
            if wanted[message["Body"]]:
                wanted[message["Body"]] -= 1
                self.sqs.delete_message(QueueUrl=self.dlq, ReceiptHandle=message["ReceiptHandle"])

    def _dead_messages(self) -> list[Any]:
        seen: list[Any] = []
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.dlq, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=0
            )
            if not answer.get("Messages"):
                break
            seen += answer["Messages"]
        for message in seen:
            self.sqs.change_message_visibility(
                QueueUrl=self.dlq, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return seen

    def shown(self) -> dict[str, str]:
        """The version that each variant is of, by the variant's key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="variants")
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: self.s3.head_object(Bucket="variants", Key=key)["Metadata"]["source-etag"] for key in keys}

    def item(self, key: str, etag: str) -> Any:
        answer = self.dynamodb.get_item(
            TableName="images", Key={"object": {"S": f"uploads/{key}"}, "etag": {"S": etag}}
        )
        return {"status": answer["Item"]["status"]["S"]} if "Item" in answer else None


def is_picture(body: bytes | None) -> bool:
    return body is not None and body.endswith(b"\xff\xd9")


def key_of(body: str) -> str:
    return parse(body)[0].key
