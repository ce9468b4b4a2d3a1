"""End to end on the local stack: a presigned POST, the upload to S3, the consumer, and the variants at their links."""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from ops.local.serve.server import Server
from ops.local.stack import LocalStack
from tests.api.fuzz import served

SECONDS = 60.0


@pytest.fixture(scope="module")
def server(stack: LocalStack) -> Iterator[Server]:
    with served(stack, Counter()) as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    return server.url


@pytest.fixture
def client(server: Server) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["x-api-key"] = server.gateway.api_key
        yield session


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "PNG")
    return out.getvalue()


def order(client: requests.Session, url: str, size: int) -> dict[str, Any]:
    """Declare one file; what the API gives for it."""
    declared = client.post(
        f"{url}/uploads", json={"files": [{"name": "sea.png", "content_type": "image/png", "size": size}]}
    )
    (given,) = declared.json()["uploads"]
    return dict(given)


def end_of(client: requests.Session, url: str) -> dict[str, Any]:
    """Ask as clients should: after Retry-After, with the ETag, until nothing more will happen."""
    deadline, tag = time.monotonic() + SECONDS, ""
    image: dict[str, Any] = {}
    while time.monotonic() < deadline:
        answer = client.get(url, headers={"If-None-Match": tag} if tag else {})
        assert answer.status_code == (304 if answer.headers["ETag"] == tag else 200)
        image, tag = (answer.json() if answer.status_code == 200 else image), answer.headers["ETag"]
        if "Retry-After" not in answer.headers:
            return image
        time.sleep(float(answer.headers["Retry-After"]))
    raise AssertionError(f"no end after {SECONDS} s: {image}")


def test_a_file_that_is_posted_by_its_form_becomes_variants_that_can_be_seen(
    url: str, client: requests.Session
) -> None:
    body = png()
    given = order(client, url, len(body))

    form = given["upload"]
    requests.post(form["url"], data=form["fields"], files={"file": ("sea.png", body)}, timeout=10).raise_for_status()
    image = end_of(client, url + given["location"])

    assert (image["status"], image["metadata"]["format"], image["metadata"]["bytes"]) == ("done", "png", len(body))
    assert [variant["name"] for variant in image["variants"]] == ["desktop", "tablet", "phone"]
    for variant in image["variants"]:
        answer = requests.get(variant["url"], timeout=10)
        assert Image.open(io.BytesIO(answer.content)).size == (variant["width"], variant["height"])
        assert answer.headers["Content-Disposition"] == "inline; filename=\"sea.png\"; filename*=UTF-8''sea.png"
    seen = client.get(url + image["variants"][2]["location"])
    assert (seen.status_code, seen.headers["Content-Type"], seen.url.split("?")[0].endswith(image["id"])) == (
        *(200, "image/png"),
        True,
    )


def test_a_scan_has_variants_that_open_from_a_download(url: str, client: requests.Session) -> None:
    body = io.BytesIO()
    Image.new("RGBA", (64, 48)).save(body, "TIFF")
    sent = client.post(f"{url}/upload?name=scan.tif", data=body.getvalue(), headers={"Content-Type": "image/tiff"})

    image = end_of(client, url + sent.headers["Location"])

    assert (image["status"], image["lost"]) == ("done", ["transparency"])
    for variant in image["variants"]:
        answer = requests.get(variant["url"], timeout=10)
        assert (variant["format"], answer.headers["Content-Type"]) == ("jpeg", "image/jpeg")
        assert answer.headers["Content-Disposition"].startswith('inline; filename="scan.tif.jpg"')
        assert answer.url.split("?")[0].endswith(f"{image['id']}.jpg")


def test_s3_takes_the_bytes_that_were_declared_and_not_one_more_or_less(url: str, client: requests.Session) -> None:
    body = png()
    given = order(client, url, len(body))
    form = given["upload"]

    answers = [
        requests.post(form["url"], data=form["fields"], files={"file": ("sea.png", sent)}, timeout=10)
        for sent in (body + b"x", body[:-1], b"", body)
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 204]
    assert ["EntityTooLarge" in answers[0].text, "EntityTooSmall" in answers[1].text] == [True, True]


def test_bytes_that_are_no_picture_are_rejected_with_a_reason(url: str, client: requests.Session) -> None:
    answer = client.post(f"{url}/upload?name=note.png", data=b"dear diary", headers={"Content-Type": "image/png"})

    image = end_of(client, url + answer.headers["Location"])

    assert (answer.status_code, image["status"], image["reason"]["class"]) == (201, "rejected", "UnsupportedFormat")
    listed = client.get(f"{url}/images?status=rejected").json()["images"]
    assert image["id"] in [each["id"] for each in listed]


@pytest.mark.parametrize("change", [lambda _key: "", lambda _key: "wrong", lambda key: f"{key}1"])
def test_nobody_gets_in_without_the_key(server: Server, change: Callable[[str], str]) -> None:
    key = change(server.gateway.api_key)

    answer = requests.get(f"{server.url}/images", headers={"x-api-key": key}, timeout=10)

    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
