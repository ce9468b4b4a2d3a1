"""CloudFront in front of the variants bucket (resources/cdn.cjs), as on AWS but on loopback, for versioned links."""

import threading
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError

from ops.local.guard import is_loopback

HOST: Final = "127.0.0.1"
YEAR: Final = "public, max-age=31536000, immutable"
PASSED_ON: Final = ("Content-Type", "Content-Length", "Cache-Control", "ETag", "Last-Modified")
"""S3's headers that a viewer gets; of our metadata none."""
ADDED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Access-Control-Allow-Origin": "*",
}


class Cdn(ThreadingHTTPServer):
    """Serves a bucket, from a thread of its own, until it is closed.

    Args:
        s3: a boto3 S3 client.
    """

    daemon_threads = True  # a browser's idle connection must not keep the server from ending

    def __init__(self, s3: Any, bucket: str) -> None:
        super().__init__((HOST, 0), _Handler)
        self.s3 = s3
        self.bucket = bucket
        threading.Thread(target=self.serve_forever, name="cdn", daemon=True).start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Cdn
    protocol_version = "HTTP/1.1"
    timeout = 65  # seconds of silence

    def log_message(self, format: str, *args: Any) -> None:
        """No access log."""

    def do_GET(self) -> None:
        """Send an object; 403 where there is none, as S3 answers who may not list."""
        url = urlsplit(self.path)
        where = {"Bucket": self.server.bucket, "Key": unquote(url.path.removeprefix("/"))}
        seen = self.headers.get("If-None-Match")
        if not is_loopback(self.headers.get("host", "")):
            self._answer(403, {}, b"")
            return
        try:
            answer = self.server.s3.get_object(**where, **({"IfNoneMatch": seen} if seen else {}))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self._answer(status if status == 304 else 403, {}, b"")
            return
        with closing(answer["Body"]) as body:
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            found = {name: headers[name.lower()] for name in PASSED_ON if name.lower() in headers}
            self._answer(200, found, body.read())

    do_HEAD = do_GET  # noqa: N815 - the base's name

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        own = dict(headers) | ADDED | {"Content-Length": str(len(body))}
        if status in (200, 304) and "v" in parse_qs(urlsplit(self.path).query):
            own["Cache-Control"] = YEAR
        self.send_response(status)
        for name, value in own.items():
            if status != 304 or name != "Content-Length":
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)
