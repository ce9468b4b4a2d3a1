"""Nothing is described that never happens: every answer of the description is given, but those of API Gateway alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from api.versions import Versions
from handlers import api
from processing.ledger import VariantRecord
from tests.api.conftest import Stage, declared
from tests.api.gateway import Gateway, description
from tests.api.test_every_image import IMAGE
from tests.api.test_routes import Broken

OF_API_GATEWAY = {"401", "429"}
TOO_LARGE_JSON = ("POST", "/uploads", "413")  # more than 10 MB of JSON
AS_TEXT = ("POST", "/upload", "500")  # on a stage without binaryMediaTypes
PNG = {"content-type": "image/png"}


def promised() -> set[tuple[str, str, str]]:
    return {
        (method.upper(), route, status)
        for route, methods in description()["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
        if status not in OF_API_GATEWAY
    } - {TOO_LARGE_JSON, AS_TEXT}


def requests(done: str) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
    """One request for each answer, with an id of an image that is done."""
    documented = json.dumps({"files": [declared()]})
    unknown = "0" * 26 + "-x"
    yield "POST", "/uploads", documented, {"content-type": "application/json"}
    yield "POST", "/uploads", "{", {"content-type": "application/json"}
    yield "POST", "/uploads", "{}", {"content-type": "application/json"}
    yield "POST", "/uploads", "{}", {}
    yield "POST", "/upload", b"bytes", PNG
    yield "POST", "/upload", b"", PNG
    yield "POST", "/upload", b"x" * 4_500_001, PNG
    yield "POST", "/upload", "x", {"content-type": "text/plain"}
    for body in (b"one", b"another"):
        yield "POST", "/upload", body, {**PNG, "idempotency-key": "1"}
    yield "POST", "/upload?title=x", b"x", PNG
    for url in ("/images", f"/images/{done}", "/", "/openapi.json", "/settings.json"):
        yield "GET", url, None, {}
        yield "GET", url, None, {"if-none-match": "*"}
    for url in ("/images", f"/images/{done}", f"/images/{done}/phone"):
        yield "GET", f"{url}?color=teal", None, {}
    for image in (unknown, f"{done}?color=teal", done):
        yield "DELETE", f"/images/{image}", None, {}
    yield "GET", f"/images/{unknown}", None, {}
    yield "GET", f"/images/{unknown}/phone", None, {}
    yield "GET", f"/images/{done}/phone", None, {}
    yield "GET", f"/images/{done}/phone?redirect=false", None, {}
    yield "GET", f"/images/{done}/desktop?redirect=false", None, {}


PRIVATE = [
    *(("POST", "/uploads"), ("POST", "/upload")),
    *(("GET", "/images"), ("GET", "/images/x"), ("GET", "/images/x/y"), ("DELETE", "/images/x")),
]


def test_every_answer_that_is_described_is_given(
    gateway: Gateway, stage: Stage, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"phone": 4, "desktop": 4_500_001}
    made = tuple(VariantRecord(name, f"{name}/{image_id}", "jpeg", 8, 6, size) for name, size in sizes.items())
    stage.ledger.complete(stage.claim(image_id), replace(IMAGE, variants=made))
    stage.s3.put_object(Bucket="variants", Key=f"phone/{image_id}", Body=b"jpeg")
    for request in requests(image_id):
        gateway.send(*request)
    gateway.caller = None
    for method, url in PRIVATE:
        gateway.send(method, url)
    gateway.caller = "anna"
    versions = api.api().versions
    assert isinstance(versions, Versions)
    for port, client in (
        (api.api().owners, "_dynamodb"),
        (versions._table, "_dynamodb"),
        (api.api().objects, "_s3"),
    ):
        monkeypatch.setattr(port, client, Broken(NoCredentialsError()))
    for request in requests(image_id):
        gateway.send(*request)

    given = {(method, route, str(status)) for method, route, status in gateway.seen}
    assert given == promised()
