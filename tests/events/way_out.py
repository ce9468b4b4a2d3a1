"""The whole way out on the local stack: upload, event, versioned link, overwrite, another link, erasure, nothing left.

::

    python -m tests.events.way_out      # two minutes, of which the erasure waits one for the CDN's caches

The suite takes the way up to the second link.
"""

import hashlib
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from ops.cli.start.events import make_sink
from ops.local.cdn import YEAR
from ops.local.emulator import PROJECT
from ops.local.stack import LocalStack
from processing.ledger.erasures import ErasureTable, new_intent

KEY = "images/way out/cat.jpg"
SECONDS = 90.0
SIDE = 2000


class Receiver:
    """A queue that gets every event of the stage's bus, and what it has received."""

    def __init__(self, stack: LocalStack) -> None:
        self._sqs, self._stack = stack.client("sqs"), stack
        self._url = make_sink(self._sqs, stack.client("events"), stack.outputs["EventBus"], "way-out")
        self.seen: set[str] = set()

    def next_event(self, kind: str) -> dict[str, Any]:
        """The detail of the next event of this type; one that comes again is left out."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            self._stack.raise_if_broken()
            for message in self._sqs.receive_message(QueueUrl=self._url, WaitTimeSeconds=1).get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                detail: dict[str, Any] = event["detail"]
                if event["detail-type"] == kind and detail["id"] not in self.seen:
                    self.seen.add(detail["id"])
                    return detail
        raise AssertionError(f"no {kind} within {SECONDS:g} s")


def photo(color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), color).save(out, "JPEG")
    return out.getvalue()


def links_of(detail: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["link"] for each in detail["variants"]}


def color_at(link: str, side: int) -> tuple[int, ...]:
    """What a viewer gets: a whole picture of this side, to be kept for a year; the color in its middle."""
    with requests.Session() as client:
        client.trust_env = False
        answer = client.get(link, timeout=20)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, YEAR)
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (side, side)
        middle = image.convert("RGB").getpixel((side // 2, side // 2))
    assert isinstance(middle, tuple)
    return middle


def publish_twice(stack: LocalStack, receiver: Receiver) -> list[str]:
    """An upload by a client of S3 alone, and an overwrite; the links of both events."""
    s3, bucket = stack.client("s3"), stack.outputs["UploadsBucket"]
    s3.put_object(Bucket=bucket, Key=KEY, Body=photo("red"))
    first = links_of(receiver.next_event("Image Ready"))
    assert color_at(first["phone"], 480)[0] > 200

    s3.put_object(Bucket=bucket, Key=KEY, Body=photo("blue"))
    second = links_of(receiver.next_event("Image Ready"))
    assert not set(first.values()) & set(second.values())
    assert color_at(second["phone"], 480)[2] > 200
    assert max(color_at(first["phone"], 480)) > 200  # whole, whichever of the two it is
    return [*first.values(), *second.values()]


def erase(stack: LocalStack, receiver: Receiver, links: list[str]) -> None:
    """An erasure, after which nothing is left in the buckets and at the links."""
    bucket = stack.outputs["UploadsBucket"]
    table = ErasureTable(stack.client("dynamodb"), stack.outputs["ImagesTable"])
    intent = table.begin(new_intent(bucket, KEY, by="operator", now=time.time()))
    stack.client("sqs").send_message(QueueUrl=stack.outputs["ErasuresQueueUrl"], MessageBody=intent.digest)
    erased = receiver.next_event("Image Erased")
    assert erased["object_sha256"] == hashlib.sha256(f"{bucket}/{KEY}".encode()).hexdigest()
    with requests.Session() as client:
        client.trust_env = False
        assert {client.get(link, timeout=20).status_code for link in links} == {403}
    for name in (bucket, stack.outputs["VariantsBucket"]):
        assert stack.client("s3").list_objects_v2(Bucket=name)["KeyCount"] == 0


def main() -> None:
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(PROJECT, work_dir=Path(folder), progress=print, cdn=True) as stack,
    ):
        receiver = Receiver(stack)
        links = publish_twice(stack, receiver)
        print(f"two versions, {len(links)} links, all different: {links[0]}")
        erase(stack, receiver, links)
        print(f"erased: nothing is left in the buckets and at the links; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
