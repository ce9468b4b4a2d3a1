"""The upload page with thousands of images: its requests to the API of this machine's stack, in milliseconds.

Run as ``python -m bench.listing [--images 11000]``. The stack is started as for ``npm run local``, and one photo goes
through it; its two items in the images table are then copied under other names. Every request is one of the page's; the
API reads fifty images with a Query each, or with one BatchGetItem where it has read them within the last minute.
"""

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from PIL import Image

from api.ids import RANDOM_BITS, created_at, key_of, new_id
from bench.machine import machine, sentence
from bench.runner import PROJECT
from ops.cli.local import serving
from ops.local.serve.gateway import draw_api_key
from ops.local.serve.server import Server, listen
from ops.local.stack import LocalStack
from tests.background import in_background

PAGE: Final = 50
ITEMS_OF_A_WRITE: Final = 25
SHOWN: Final = 4  # pages, one after the other
DONE_WITHIN: Final = 60.0  # seconds
APART: Final = 10_000  # milliseconds between two ids


def main() -> None:
    """Print one line for each request: what it is, the status, the milliseconds."""
    parser = argparse.ArgumentParser(prog="python -m bench.listing", description=__doc__)
    parser.add_argument("--images", type=int, default=11_000, help="in the images table (11,000)")
    options, before = parser.parse_args(), machine()
    with (
        tempfile.TemporaryDirectory() as work,
        LocalStack(PROJECT, work_dir=Path(work), progress=_say) as stack,
        _served(stack) as server,
    ):
        image_id = _upload(server)
        _copy(stack, image_id, options.images)
        for name, status, milliseconds in _requests(server, image_id):
            sys.stdout.write(f"{name:40} {status} {milliseconds:8.0f} ms\n")
    sys.stdout.write(f"{options.images:,} images. {sentence(before, machine())}\n")


@contextmanager
def _served(stack: LocalStack) -> Iterator[Server]:
    with serving(stack, listen(0), draw_api_key()) as server, in_background(server):
        yield server


def _requests(server: Server, image_id: str) -> Iterator[tuple[str, int, float]]:
    """What the page sends: pages, the first of them again, and the status of one image."""
    following = ""
    for number in range(1, SHOWN + 1):
        status, took, answer = _ask(server, "GET", f"/images?limit={PAGE}{following}")
        yield f"GET /images?limit={PAGE}, page {number}", status, took
        following = f"&cursor={answer['next']}"
    status, took, _ = _ask(server, "GET", f"/images?limit={PAGE}")
    yield f"GET /images?limit={PAGE}, page 1 again", status, took
    status, took, _ = _ask(server, "GET", f"/images/{image_id}")
    yield "GET /images/{id}", status, took


def _upload(server: Server) -> str:
    """Take one photo through the stack; return its id."""
    photo = io.BytesIO()
    Image.effect_noise((1200, 800), 60).convert("RGB").save(photo, "JPEG")
    _, _, made = _ask(server, "POST", "/upload", photo.getvalue(), {"Content-Type": "image/jpeg"})
    until = time.monotonic() + DONE_WITHIN
    while _ask(server, "GET", made["location"])[2]["status"] != "done":
        if time.monotonic() > until:
            raise TimeoutError("the photo was not processed")
        time.sleep(0.5)
    return str(made["id"])


def _copy(stack: LocalStack, image_id: str, count: int) -> None:
    """Copy the photo's two items under so many other ids, each older than the one before."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["ImagesTable"]
    items = dynamodb.scan(TableName=table)["Items"]
    (owner,) = (item for item in items if item["etag"]["S"] == image_id)
    (record,) = (item for item in items if item["object"]["S"].endswith(image_id))
    bucket = record["object"]["S"].partition("/")[0]
    newest, rng = int(created_at(image_id).timestamp() * 1000), random.Random(0)
    copies: list[Mapping[str, Any]] = []
    for number in range(1, count):
        made = new_id("photo.jpg", milliseconds=newest - number * APART, random=rng.getrandbits(RANDOM_BITS))
        copies.append(owner | {"etag": {"S": made}})
        copies.append(record | {"object": {"S": f"{bucket}/{key_of(made, prefix='images/')}"}})
    for at in range(0, len(copies), ITEMS_OF_A_WRITE):
        puts = [{"PutRequest": {"Item": item}} for item in copies[at : at + ITEMS_OF_A_WRITE]]
        dynamodb.batch_write_item(RequestItems={table: puts})


def _ask(
    server: Server, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, float, Any]:
    """Return the status, the milliseconds and the answer; raises for a refusal."""
    request = Request(f"{server.url}{path}", body, dict(headers or {}), method=method)
    request.add_header("x-api-key", server.gateway.api_key)
    begin = time.perf_counter()
    with urlopen(request) as answer:
        content = answer.read()
    return answer.status, (time.perf_counter() - begin) * 1000, json.loads(content)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    main()
