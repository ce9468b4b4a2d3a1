"""A proxy in front of the emulator that refuses, delays and loses: what a bad day of AWS looks like from a client."""

import http.client
import random
import socket
import sys
import threading
from collections import Counter
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Trouble(StrEnum):
    """What happens to a request; the names are those of the report."""

    REFUSED = "503 or throttled"
    UNHEARD = "connection closed before the request was read"
    LOST = "answer lost after the effect"
    HANGS = "no answer until the client gives up"


WEIGHTS = {Trouble.REFUSED: 6, Trouble.UNHEARD: 3, Trouble.LOST: 3, Trouble.HANGS: 0.15}
HANG = 7.0  # seconds; the consumer's clients wait for 5


class _Server(ThreadingHTTPServer):
    """A thread for each connection; a client that was killed is no error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """Forwards everything to the emulator, but for a part of the requests, while ``rate`` is above 0.

    Args:
        target: the emulator's URL.
    """

    def __init__(self, target: str, *, seed: int) -> None:
        self.rate = 0.0
        self.down: str | None = None  # a service that is out altogether: "s3", "dynamodb" or "sqs"
        self.counts: Counter[str] = Counter()
        self.closing = threading.Event()
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self._target = urlsplit(target).netloc
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="proxy")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def trouble(self, service: str) -> Trouble | None:
        """What happens to the next request to a service."""
        with self._lock:
            if service == self.down:
                trouble = Trouble.REFUSED
            elif self._rng.random() >= self.rate:
                return None
            else:
                trouble = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self.counts[f"{service}: {trouble}"] += 1
            return trouble

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy, target = self, self._target

        class Handler(BaseHTTPRequestHandler):
            """One connection of one client, and one to the emulator."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1
            upstream: http.client.HTTPConnection | None = None

            def setup(self) -> None:
                super().setup()
                self.upstream = http.client.HTTPConnection(target, timeout=60)

            def finish(self) -> None:
                if self.upstream is not None:
                    self.upstream.close()
                super().finish()

            def log_message(self, *_: Any) -> None:
                """The report counts; nobody reads an access log."""

            def handle_expect_100(self) -> bool:
                super().handle_expect_100()
                self.wfile.flush()
                return True

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service = service_of(self.headers)
                trouble = proxy.trouble(service)
                if trouble is Trouble.HANGS:
                    proxy.closing.wait(HANG)
                if trouble in (Trouble.HANGS, Trouble.UNHEARD):
                    return self._hang_up()
                if trouble is Trouble.REFUSED:
                    return self._answer(*refusal(service))
                answer = self._forward(body)
                if trouble is Trouble.LOST:
                    return self._hang_up()
                return self._answer(*answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _relay  # noqa: N815 - http.server's names

            def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                assert self.upstream is not None
                kept = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                self.upstream.request(self.command, self.path, body, kept)
                answer = self.upstream.getresponse()
                return answer.status, answer.getheaders(), answer.read()

            def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                names = set()
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "connection"):
                        self.send_header(name, value)
                        names.add(name.lower())
                if "content-length" not in names:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                self.wfile.flush()

            def _hang_up(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        return Handler


def service_of(headers: Any) -> str:
    """The service a request is for, from its signature's scope."""
    scope = headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else "unknown"


def refusal(service: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer of a service that has too much to do."""
    if service == "s3":
        text = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return 503, [("Content-Type", "application/xml")], text
    kind = "ProvisionedThroughputExceededException" if service == "dynamodb" else "RequestThrottled"
    text = f'{{"__type": "{kind}", "message": "slow down"}}'.encode()
    return 400, [("Content-Type", "application/x-amz-json-1.0")], text
