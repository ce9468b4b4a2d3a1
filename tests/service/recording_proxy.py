"""A proxy before the emulator that notes which actions a client asks of AWS, and on what."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/(?P<service>[\w-]+)/")
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "expect")
REST = {
    ("s3", "GET", "list-type"): "ListBucket",
    ("s3", "POST", "uploads"): "PutObject",
    ("s3", "POST", "uploadId"): "PutObject",
    ("s3", "POST", "delete"): "DeleteObject",
    ("s3", "HEAD", "bucket"): "ListBucket",
    ("s3", "HEAD", ""): "GetObject",
    ("s3", "PUT", ""): "PutObject",
    ("s3", "GET", ""): "GetObject",
    ("lambda", "GET", ""): "GetFunction",
}
"""The actions of requests that say only by their method, path and query what they ask."""


class Recorder(BaseHTTPRequestHandler):
    """Passes a request on as it is and notes its action."""

    protocol_version = "HTTP/1.1"
    server: "RecordingProxy"

    def log_message(self, *_: object) -> None:
        pass

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = self._action(body)
        self.server.before(action)
        self.server.asked.add(action)
        with closing(HTTPConnection(*self.server.behind, timeout=120)) as connection:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = _pass_on  # noqa: N815 - the base class's names

    def _action(self, body: bytes) -> str:
        found = SERVICE.search(self.headers.get("Authorization", ""))
        service = found["service"] if found else "unsigned"
        if target := self.headers.get("X-Amz-Target"):
            return f"{service}:{target.rpartition('.')[2]}"
        if named := parse_qs(body.decode(errors="replace")).get("Action"):
            return f"{service}:{named[0]}"
        url = urlsplit(self.path)
        bucket = [] if "/" in url.path.strip("/") else ["bucket"]
        kinds = [*parse_qs(url.query, keep_blank_values=True), *bucket, ""]
        known = [REST[key] for kind in kinds if (key := (service, self.command, kind)) in REST]
        return f"{service}:{known[0] if known else f'{self.command} {self.path}'}"


class RecordingProxy(ThreadingHTTPServer):
    """A server on a free port of loopback.

    Args:
        behind: host and port of the emulator.
        before: called with each action before it is passed on.
    """

    def __init__(self, behind: tuple[str, int], before: Callable[[str], object]) -> None:
        super().__init__(("127.0.0.1", 0), Recorder)
        self.before = before
        self.behind = behind
        self.asked: set[str] = set()


@contextmanager
def recording(endpoint: str, before: Callable[[str], object] = lambda _: None) -> Iterator[tuple[str, set[str]]]:
    """The address to ask instead of ``endpoint``, and the actions that were asked there."""
    address = urlsplit(endpoint)
    assert address.hostname is not None
    assert address.port is not None
    with RecordingProxy((address.hostname, address.port), before) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", proxy.asked
        proxy.shutdown()
