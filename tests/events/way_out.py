"""The whole way out on the local stack: upload, events, versioned link, overwrite, another link, erasure, nothing left.

::

    python -m tests.events.way_out      # two minutes, of which the erasure waits one for the CDN's caches

The image comes from a client that has nothing of ours, by the API's presigned POST. Its events go to a queue and to two
receivers of docs/events.md: a webhook and a state machine. The suite takes the way up to the second link.
"""

import hashlib
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from ops.local.cdn import YEAR
from ops.local.emulator import PROJECT
from ops.local.event_queue import subscribe_queue
from ops.local.stack import LocalStack
from processing.ledger.erasures import FINISHED
from tests.api.fuzz import served
from tests.receivers import SECRET, SECRET_HEADER, Receiver, received
from tests.webhook import Webhook, webhook

NAME = "cät of the way out.jpg"
SECONDS = 120.0
SIDE = 2000
BYTES = 80_000
ANYTHING = "ApproximateNumberOfMessages"
COUNTS = (ANYTHING, f"{ANYTHING}NotVisible", f"{ANYTHING}Delayed")


class Client:
    """Somebody with an API key and an HTTP library."""

    def __init__(self, api: str, key: str) -> None:
        self._api = api
        self._session = requests.Session()
        self._session.trust_env = False
        self._key = {"x-api-key": key}

    def order(self) -> dict[str, Any]:
        """What the API gives for a file of this size: its location, and a form that takes it."""
        file: Any = {"name": NAME, "content_type": "image/jpeg", "size": BYTES}
        answer = self._session.post(f"{self._api}/uploads", json={"files": [file]}, headers=self._key, timeout=20)
        (given,) = answer.json()["uploads"]
        return dict(given)

    def upload(self, form: dict[str, Any], photo: bytes) -> None:
        """Send a photo straight to S3, by the form."""
        answer = self._session.post(form["url"], data=form["fields"], files={"file": (NAME, photo)}, timeout=20)
        assert answer.status_code in (201, 204), answer.text

    def delete(self, location: str) -> str:
        """Have the image erased; the number of the receipt."""
        answer = self._session.delete(self._api + location, headers=self._key, timeout=20)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    def get(self, link: str) -> requests.Response:
        """What a viewer gets."""
        return self._session.get(link, timeout=20)


class Story:
    """A running stack with its receivers, and the client.

    Args:
        say: called with what was seen.
    """

    def __init__(self, stack: LocalStack, client: Client, hook: Webhook, say: Callable[[str], None]) -> None:
        self._stack, self._client, self._hook, self._say = stack, client, hook, say
        bus = stack.outputs["EventBus"]
        self._queue = subscribe_queue(stack.client, "way-out", bus)
        self._machine = Receiver(stack.client, "Step Functions", "way-out-machine", Bus=bus)
        self._webhook = Receiver(stack.client, "Webhook", "way-out-webhook", Bus=bus, Url=hook.url)
        self._events: list[dict[str, Any]] = []
        self._runs = 0
        self._given = client.order()

    def publish(self, color: str) -> dict[str, str]:
        """Upload a photo of this color under the one name, and see its event everywhere; the links of its variants."""
        self._client.upload(self._given["upload"], photo(color))
        ready = self._next("Image Ready")
        posted = self._wait_for(self._posted)
        (status, output) = self._wait_for(self._run)
        assert posted["detail"] == ready["detail"]
        assert (status, output["object"]) == ("SUCCEEDED", ready["detail"]["object"])
        phone = next(each for each in ready["detail"]["variants"] if each["name"] == "phone")
        assert output["phone"] in (phone["key"], [phone["key"]])
        self._say(f"{color}: Image Ready {ready['detail']['id']} in the queue, by webhook and in a state machine")
        return {each["name"]: each["link"] for each in ready["detail"]["variants"]}

    def look(self, link: str) -> tuple[int, ...]:
        """The color of a phone variant: a whole picture, to be kept for a year."""
        answer = self._client.get(link)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, YEAR)
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (480, 480)
            middle = image.convert("RGB").getpixel((240, 240))
        assert isinstance(middle, tuple)
        self._say(f"  {link}: 480x480, {middle}, {answer.headers['Cache-Control']}")
        return middle

    def erase(self, links: list[str]) -> None:
        """Have the image erased, and look everywhere."""
        receipt = self._client.delete(self._given["location"])
        erased = self._next("Image Erased")["detail"]
        key = self._given["upload"]["fields"]["key"]
        name = f"{self._stack.outputs['UploadsBucket']}/{key}"
        assert erased["object_sha256"] == hashlib.sha256(name.encode()).hexdigest()
        assert {self._client.get(link).status_code for link in links} == {403}
        self._wait_for(lambda: not self._messages())
        left = {item["object"]["S"]: item["etag"]["S"] for item in self._items()}
        assert left == {FINISHED: receipt}
        assert self._given["id"] not in json.dumps(self._items())
        for bucket in ("UploadsBucket", "VariantsBucket"):
            assert self._objects(self._stack.outputs[bucket]) == []
        self._say(f"erased: receipt {receipt}; no object, version or upload in two buckets, no message in")
        self._say(f"  {', '.join(name for name, _ in self._queues())}; in the table {left}")

    def _next(self, kind: str) -> dict[str, Any]:
        return dict(self._wait_for(lambda: self._take(kind)))

    def _take(self, kind: str) -> dict[str, Any] | None:
        """The next event of this type in the queue; one that comes again is left out."""
        seen = {event["detail"]["id"] for event in self._events}
        new = received(self._stack.client("sqs"), self._queue)
        self._events += (fresh := [event for event in new if event["detail"]["id"] not in seen])
        return next((event for event in fresh if event["detail-type"] == kind), None)

    def _posted(self) -> dict[str, Any] | None:
        """The next Image Ready that was posted with the secret."""
        while not self._hook.posted.empty():
            request = self._hook.posted.get()
            assert request.headers[SECRET_HEADER] == SECRET
            event: dict[str, Any] = json.loads(request.body)
            if event["detail-type"] == "Image Ready":
                return event
        return None

    def _run(self) -> tuple[str, Any] | None:
        """The next execution that has ended."""
        ended = self._machine.executions()[self._runs :]
        self._runs += bool(ended)
        return ended[0] if ended else None

    def _wait_for(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + SECONDS
        while not (found := look()):
            self._stack.raise_if_broken()
            assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {self._events}"
            time.sleep(0.05)
        return found

    def _items(self) -> list[dict[str, Any]]:
        found = self._stack.client("dynamodb").scan(TableName=self._stack.outputs["ImagesTable"])
        return list(found["Items"])

    def _objects(self, bucket: str) -> list[Any]:
        """Every object, version, delete marker and unfinished upload of a bucket."""
        s3 = self._stack.client("s3")
        versions = s3.list_object_versions(Bucket=bucket)
        listed = (
            (versions, "Versions"),
            (versions, "DeleteMarkers"),
            (s3.list_multipart_uploads(Bucket=bucket), "Uploads"),
        )
        return [each for answer, kind in listed for each in answer.get(kind, [])]

    def _queues(self) -> Iterator[tuple[str, int]]:
        """Every queue there is, by its name, with the number of its messages."""
        sqs = self._stack.client("sqs")
        for url in sqs.list_queues()["QueueUrls"]:
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
            yield url.rpartition("/")[2], sum(int(count) for count in counts.values())

    def _messages(self) -> int:
        return sum(count for _, count in self._queues())


def photo(color: str) -> bytes:
    """A JPEG of exactly as many bytes as were declared: what follows its end belongs to nobody."""
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), color).save(out, "JPEG")
    return out.getvalue().ljust(BYTES, b"\0")


@contextmanager
def story(stack: LocalStack, say: Callable[[str], None] = lambda _: None) -> Iterator[Story]:
    """The API, a webhook's server and the receivers on a running stack, until the block ends."""
    with served(stack, Counter()) as server, webhook() as hook:
        yield Story(stack, Client(server.url, server.gateway.api_key), hook, say)


def publish_twice(told: Story) -> list[str]:
    """An upload and an overwrite; the links of both events, which all differ."""
    first = told.publish("red")
    assert told.look(first["phone"])[0] > 200
    second = told.publish("blue")
    assert told.look(second["phone"])[2] > 200
    assert max(told.look(first["phone"])) > 200  # whole, whichever of the two it is
    return [*first.values(), *second.values()]


def main() -> None:
    """Tell the whole story."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(PROJECT, work_dir=Path(folder), progress=print, cdn=True) as stack,
        story(stack, print) as told,
    ):
        links = publish_twice(told)
        assert len(set(links)) == len(links)
        told.erase(links)
        print(f"{len(links)} links, all different, and now all 403; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
