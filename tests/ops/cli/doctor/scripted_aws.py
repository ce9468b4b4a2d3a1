"""An AWS that answers some operations as it is told, and hands the others on to moto: what moto lacks or gets right."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.background import in_background

IGNORED = ("connection", "transfer-encoding", "expect")


@dataclass(frozen=True)
class Asked:
    """A request; ``action`` is of the query protocol, where it has one."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode("latin-1"))

    @property
    def action(self) -> str:
        is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return self.form.get("Action", [""])[0] if is_form else self.headers.get("x-amz-target", "").partition(".")[2]


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class ScriptedAws:
    """Answers by ``rules``: of an action's name, or of a method and the beginning of a path."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.rules: dict[str, Callable[[Asked], Told | None]] = {}
        self.upstream = urlsplit(upstream).netloc

    def says(self, name: str, status: int, body: str | dict[str, Any] = "", **headers: str) -> None:
        """Answer every request of this name so; in headers "_" stands for "-"."""
        text = body if isinstance(body, str) else json.dumps(body)
        told = Told(status, text, tuple((key.replace("_", "-"), value) for key, value in headers.items()))
        self.rules[name] = lambda _asked: told

    def answer(self, asked: Asked) -> Told | None:
        """None where moto is to answer."""
        for name, rule in self.rules.items():
            method, _, path = name.partition(" ")
            if asked.action == name or (path and asked.method == method and asked.path.startswith(path)):
                return rule(asked)
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    aws: ScriptedAws

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        told = self.aws.answer(Asked(self.command, self.path, headers, body)) or self._relayed(headers, body)
        self.send_response_only(told.status)
        content = told.body.encode("latin-1")
        for name, value in told.headers:
            self.send_header(name, value)
        if not any(name.lower() == "date" for name, _ in told.headers):
            self.send_header("Date", self.date_time_string())
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - the base's names

    def _relayed(self, headers: dict[str, str], body: bytes) -> Told:
        upstream = HTTPConnection(self.aws.upstream)
        try:
            sent = {name: value for name, value in headers.items() if name not in IGNORED}
            upstream.request(self.command, self.path, body, sent)
            found = upstream.getresponse()
            kept = tuple((n, v) for n, v in found.getheaders() if n.lower() not in (*IGNORED, "content-length"))
            return Told(found.status, found.read().decode("latin-1"), kept)
        finally:
            upstream.close()


@contextmanager
def scripted_aws(upstream: str) -> Iterator[ScriptedAws]:
    """The server, until the block ends."""
    aws = ScriptedAws(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"aws": aws}))
    server.daemon_threads = True
    aws.url = f"http://127.0.0.1:{server.server_port}"
    with in_background(server):
        yield aws
        server.server_close()
