"""A proxy in front of the emulator that refuses, delays and loses requests, and kills who sent them."""

import http.client
import random
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, assert_never
from urllib.parse import urlsplit

from tests.chaos.troubles import Answer, PartOfEvents, Trouble, Troubles, refusal, troubles

NOT_FORWARDED = ("expect", "content-length")
HANG = 7.0  # seconds; the clients wait for 3 and 5


class _Server(ThreadingHTTPServer):
    """A thread for each connection; a client that was killed is no error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """Forwards everything to the emulator, but for a part of the requests, while it is ``stormy``.

    Args:
        target: the emulator's URL.
        draw: what happens to each request; drawn by ``seed`` when not given.
    """

    def __init__(self, target: str, *, seed: int, draw: Troubles | None = None) -> None:
        self.stormy = False
        self.down: str | None = None  # a service that is out altogether: "s3", "dynamodb", "sqs" or "events"
        self.kill_announcer: Callable[[], None] = lambda: None
        self.counts: Counter[str] = Counter()
        self.closing = threading.Event()
        self.rng = random.Random(f"{seed} proxy")
        self._draw = draw or troubles(seed)
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
                trouble: Trouble | None = Trouble.REFUSED
            else:
                trouble = self._draw(service) if self.stormy else None
            if trouble is not None:
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
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed half-way
                    self.close_connection = True
                    return None
                service = service_of(self.headers)
                trouble = proxy.trouble(service)
                match trouble:
                    case None:
                        return self._answer(*self._forward(body))
                    case Trouble.REFUSED:
                        return self._answer(*refusal(service))
                    case Trouble.PARTLY:
                        return self._answer(*self._in_part(PartOfEvents.of(body, proxy.rng)))
                    case Trouble.HANGS:
                        proxy.closing.wait(HANG)
                    case Trouble.LOST:
                        self._forward(body)
                    case Trouble.KILLED_BEFORE:
                        proxy.kill_announcer()
                    case Trouble.KILLED_AFTER:
                        self._forward(body)
                        proxy.kill_announcer()
                    case Trouble.UNHEARD:
                        pass
                    case _:
                        assert_never(trouble)
                return self._hang_up()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _relay  # noqa: N815 - http.server's names

            def _in_part(self, part: PartOfEvents) -> Answer:
                if not part.rest:
                    return 200, [("Content-Type", "application/x-amz-json-1.1")], part.answer(b"")
                status, headers, answered = self._forward(part.rest)
                return status, [each for each in headers if each[0].lower() != "content-length"], part.answer(answered)

            def _forward(self, body: bytes) -> Answer:
                assert self.upstream is not None
                kept = {name: value for name, value in self.headers.items() if name.lower() not in NOT_FORWARDED}
                if "Content-Length" in self.headers:
                    kept["Content-Length"] = str(len(body))
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
