"""End to end on the local stack: an image that is done is erased by its caller, with the deployed function."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from ops.local.serve.server import Server
from ops.local.stack import LocalStack
from processing.ledger.erasures import FINISHED, ErasureTable
from tests.api.fuzz import served
from tests.api.test_on_the_stack import end_of, png

SECONDS = 60.0


@pytest.fixture(scope="module")
def server(stack: LocalStack) -> Iterator[Server]:
    with served(stack, Counter()) as server:
        yield server


def test_a_caller_erases_an_image_and_nothing_of_it_is_left(stack: LocalStack, server: Server) -> None:
    headers = {"x-api-key": server.gateway.api_key}
    with requests.Session() as client:
        client.headers.update(headers)
        sent = client.post(f"{server.url}/upload?name=sea.png", data=png(), headers={"content-type": "image/png"})
        image = end_of(client, server.url + sent.json()["location"])
        assert image["status"] == "done"

        answer = client.delete(server.url + image["location"])

        assert answer.status_code == 202
        deadline = time.monotonic() + SECONDS
        while client.get(server.url + image["location"]).status_code != 404:
            assert time.monotonic() < deadline, "the image was not erased"
            time.sleep(0.2)
    name = image["id"]
    table = ErasureTable(stack.client("dynamodb"), stack.outputs["ImagesTable"])
    while any(intent.key.endswith(name) for intent in table.pending()):
        assert time.monotonic() < deadline, "the erasure has not ended"
        time.sleep(0.2)
    for bucket in (stack.outputs["UploadsBucket"], stack.outputs["VariantsBucket"]):
        listed = stack.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        assert [each["Key"] for each in listed if name in each["Key"]] == []
    items = stack.client("dynamodb").scan(TableName=stack.outputs["ImagesTable"])["Items"]
    assert [item for item in items if name in str(item)] == []
    receipts = {item["etag"]["S"] for item in items if item["object"]["S"] == FINISHED}
    assert answer.json()["receipt"] in receipts
