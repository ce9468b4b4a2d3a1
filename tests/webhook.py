"""A web server of somebody else's, which EventBridge posts to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from tests.background import in_background


@dataclass(frozen=True)
class Posted:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Webhook:
    """Answers the next requests with these statuses, and 200 after them; a redirect leads to the server itself."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.posted: Queue[Posted] = Queue()
        self.url = ""
        self._statuses = iter(statuses)

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Take a request down, and answer."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.posted.put(Posted(request.command, request.path, headers, body))
        request.send_response(next(self._statuses, 200))
        request.send_header("Location", self.url)
        request.send_header("Content-Length", "0")
        request.end_headers()


@contextmanager
def webhook(*statuses: int) -> Iterator[Webhook]:
    """The server, until the context ends."""
    made = Webhook(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.serve(self)

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/darkroom"
        with in_background(server):
            yield made
