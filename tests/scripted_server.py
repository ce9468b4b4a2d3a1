"""An AWS that misbehaves as it is told, on the level of sockets: what it is told nothing for, it hands on to moto."""

import contextlib
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from http.client import HTTPConnection
from typing import Any, BinaryIO

from tests.moto_server import operation_of

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNK = 1 << 16


class Trouble(Enum):
    """What is done in place of an answer."""

    CLOSE = "close the connection when the request was read"
    HANG = "answer nothing"


@dataclass(frozen=True)
class Early:
    """An answer sent before the body of the request was read: at its headers, or when so many bytes of it were."""

    answer: bytes
    after: int = 0


@dataclass(frozen=True)
class Drip:
    """An answer sent in single bytes, each long before the client's read_timeout."""

    answer: bytes
    whole: int = 0  # bytes sent at once before
    pause: float = 0.05


@dataclass(frozen=True)
class Cut:
    """An answer after which the connection is closed."""

    answer: bytes


Step = bytes | Early | Drip | Cut | Trouble


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer; names of headers are given with "_" for "-"."""
    lines = [f"HTTP/1.1 {status} -", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class ScriptedServer:
    """Answers each request by the next step of its operation's script, or as moto does when there is none left.

    Requests in parallel come in no order: ``rule`` gives the step by the operation and the headers instead.
    """

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.forget()
        self.connections = 0
        self._upstream = upstream
        self._script: dict[str, Iterator[Step | None]] = defaultdict(lambda: iter(()))
        self.rule: Callable[[str, dict[str, str]], Step | None] = lambda _operation, _headers: None
        self._stalling = threading.Lock()
        self._stalled = 0  # requests that now wait for an answer that hangs or drips
        self._stalled_since = 0.0
        self._stalled_before = 0.0  # seconds
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def stalled_seconds(self) -> float:
        """How long one request or more have waited for an answer that hangs or drips."""
        with self._stalling:
            now = time.monotonic() - self._stalled_since if self._stalled else 0.0
            return self._stalled_before + now

    def forget(self) -> None:
        """As if nothing had been requested."""
        self.requests: list[str] = []
        self.body_bytes: Counter[str] = Counter()  # by operation, of bodies that were read

    def script(self, operation: str, steps: Iterable[Step | None]) -> None:
        """Answer the next requests of an operation so; None is moto's answer."""
        self._script[operation] = iter(steps)

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is closed; a thread for each connection."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        """End every connection."""
        for connection in self._open:
            with contextlib.suppress(OSError):  # it has ended by itself
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines, contextlib.suppress(ConnectionError):
            while (line := lines.readline()) and self._answer(connection, lines, line):
                pass

    def _answer(self, connection: socket.socket, lines: BinaryIO, first: bytes) -> bool:
        """Answer one request; whether the connection is kept."""
        method, path, _ = first.decode().split()
        headers = dict(_headers(lines))
        operation = operation_of(method, headers.get("x-amz-target", ""))
        self.requests.append(operation)
        step = next(self._script[operation], None) or self.rule(operation, headers)
        if isinstance(step, Early) and not step.after:
            return self._send_and_drain(operation, connection, lines, step.answer)
        if headers.get("expect"):
            connection.sendall(CONTINUE)
        if isinstance(step, Early):
            self.body_bytes[operation] += len(lines.read(step.after))
            return self._send_and_drain(operation, connection, lines, step.answer)
        body = lines.read(int(headers.get("content-length", 0)))
        self.body_bytes[operation] += len(body)
        if step is Trouble.HANG:
            with self._stall():
                lines.readline()  # until the client gives up
        if isinstance(step, Trouble):
            return False
        if isinstance(step, Drip):
            with self._stall():
                return _drip(connection, step)
        if isinstance(step, Cut):
            connection.sendall(step.answer)
            return False
        connection.sendall(step or self._relayed(method, path, headers, body))
        return True

    @contextlib.contextmanager
    def _stall(self) -> Iterator[None]:
        with self._stalling:
            self._stalled_since = self._stalled_since if self._stalled else time.monotonic()
            self._stalled += 1
        try:
            yield
        finally:
            with self._stalling:
                self._stalled -= 1
                if not self._stalled:
                    self._stalled_before += time.monotonic() - self._stalled_since

    def _send_and_drain(self, operation: str, connection: socket.socket, lines: Any, answer: bytes) -> bool:
        """What is left of the request is read, or the connection would be reset under the answer."""
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while chunk := lines.read1(CHUNK):
            self.body_bytes[operation] += len(chunk)
        return False

    def _relayed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        upstream = HTTPConnection(self._upstream.removeprefix("http://"))
        with contextlib.closing(upstream):
            sent = {name: value for name, value in headers.items() if name not in ("expect", "connection")}
            upstream.request(method, path, body, sent)
            found = upstream.getresponse()
            head = "".join(f"{name}: {value}\r\n" for name, value in found.headers.items() if name != "Connection")
            return f"HTTP/1.1 {found.status} -\r\n{head}\r\n".encode("latin-1") + found.read()


def _headers(lines: BinaryIO) -> Iterator[tuple[str, str]]:
    while line := lines.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _drip(connection: socket.socket, step: Drip) -> bool:
    connection.sendall(step.answer[: step.whole])
    for at in range(step.whole, len(step.answer)):
        connection.sendall(step.answer[at : at + 1])
        time.sleep(step.pause)
    return True


@contextlib.contextmanager
def scripted_server(upstream: str) -> Iterator[ScriptedServer]:
    """The server, until the context ends."""
    made = ScriptedServer(upstream)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive()
            made.close()
