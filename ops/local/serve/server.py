"""HTTP on loopback in front of the gateway: one thread a connection, connections kept open."""

import json
import socket
import sys
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ops.local.guard import is_loopback
from ops.local.ports import port_refused
from ops.local.serve.events import HttpRequest, HttpResponse
from ops.local.serve.gateway import BODY_LIMIT, Gateway

HOST = "127.0.0.1"
WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
CHUNK = 1 << 16

FOR_NOBODY_ELSE = HttpResponse(
    HTTPStatus.FORBIDDEN,
    [("Content-Type", "application/json")],
    json.dumps(
        {"message": "This server is for its own page, at 127.0.0.1 or localhost, and for corsOrigins."}
    ).encode(),
)


def listen(port: int) -> socket.socket:
    """A socket on loopback; any free port when 0.

    Raises:
        StackError: the port cannot be had.
    """
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise port_refused(port, error.errno, instead="0 for any free one") from error


class Server(ThreadingHTTPServer):
    """Serves the gateway on a socket of `listen`, until `shutdown`: to programs here, to pages of known origins only.

    Args:
        listener: the socket.
        gateway: what answers.
        origins: of pages elsewhere that may ask, as in the parameter corsOrigins.
    """

    daemon_threads = True  # a browser's idle connection must not keep the server from ending

    def __init__(self, listener: socket.socket, gateway: Gateway, origins: Iterable[str] = ()) -> None:
        super().__init__(listener.getsockname(), GatewayHandler, bind_and_activate=False)
        self.socket.close()  # the one that the base class has made
        self.socket = listener
        self.gateway = gateway
        self._origins = frozenset(filter(None, origins))

    @property
    def own_origins(self) -> list[str]:
        """Of the page that it serves itself, by each name of this machine."""
        return [f"http://{name}:{self.server_address[1]}" for name in (HOST, "localhost", "[::1]")]

    def lets_in(self, host: str, origin: str | None) -> bool:
        """Whether a request with this Host, and this Origin if a page asks, is one for this server."""
        return is_loopback(host) and (origin is None or origin in self._origins or origin in self.own_origins)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; anything else is told, as the base class does."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class GatewayHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 65  # seconds of silence

    def version_string(self) -> str:
        """No version: it is nobody's business."""
        return "darkroom"

    def log_message(self, format: str, *args: Any) -> None:
        """No access log."""

    def handle_expect_100(self) -> bool:
        """Ask for the body that a client announced with ``Expect: 100-continue``, as curl does."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _answer(self) -> None:
        if "transfer-encoding" in self.headers:
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        said = self.headers.get("content-length") or "0"
        if not said.isdecimal():
            self.close_connection = True
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        length = int(said)
        if length > BODY_LIMIT:
            self._skip(length)
            self._send(self.server.gateway.too_large())
            return
        if not self.server.lets_in(self.headers.get("host", ""), self.headers.get("origin")):
            self._skip(length)
            self._send(FOR_NOBODY_ELSE)
            return
        request = HttpRequest(
            method=self.command,
            target=self.path,
            headers=list(self.headers.items()),
            body=self.rfile.read(length),
            client=str(self.client_address[0]),
        )
        self._send(self.server.gateway.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's names
    do_OPTIONS = do_TRACE = do_QUERY = _answer  # noqa: N815

    def _skip(self, length: int) -> None:
        """Read on, or the client sees a broken connection and not the answer."""
        while length > 0 and (chunk := self.rfile.read(min(length, CHUNK))):
            length -= len(chunk)

    def _send(self, response: HttpResponse) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in WITHOUT_BODY:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status not in WITHOUT_BODY:
            self.wfile.write(response.body)
        self.wfile.flush()
