"""A body that does not arrive as S3 sent it is S3 being unavailable, never a picture that is broken."""

import base64
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from processing.errors import Unavailable
from processing.storage.objects import S3Store

BODY = b"pixels" * 1000
Fetch = Callable[[bytes, bytes], bytes]


@pytest.fixture
def fetch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetch]:
    """Fetches from an S3 that announces one body and sends another."""
    announced, sent = [b""], [b""]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            checksum = base64.b64encode(zlib.crc32(announced[0]).to_bytes(4, "big")).decode()
            self.send_response(200)
            self.send_header("ETag", '"e1"')
            self.send_header("Content-Length", str(len(announced[0])))
            self.send_header("x-amz-checksum-crc32", checksum)
            self.end_headers()
            self.wfile.write(sent[0])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    url = f"http://127.0.0.1:{server.server_port}"
    client = boto3.client("s3", endpoint_url=url, region_name="eu-west-1", config=config)
    store = S3Store(client, uploads_bucket="uploads", variants_bucket="variants")

    def fetch(told: bytes, given: bytes) -> bytes:
        announced[0], sent[0] = told, given
        return store.fetch("images/cat.jpg", "e1", max_bytes=1_000_000).body

    yield fetch
    client.close()
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_whole_body_is_read(fetch: Fetch) -> None:
    assert fetch(BODY, BODY) == BODY


def test_a_body_that_breaks_off_is_tried_again(fetch: Fetch) -> None:
    with pytest.raises(Unavailable, match="s3:GetObject images/cat"):
        fetch(BODY, BODY[:100])


def test_a_body_that_was_changed_on_its_way_is_tried_again(fetch: Fetch) -> None:
    with pytest.raises(Unavailable, match="FlexibleChecksumError"):
        fetch(BODY, b"P" + BODY[1:])
