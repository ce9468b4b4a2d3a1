"""A service that answers as it is told: bytes for each request it reads, or a connection closed or left hanging."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from enum import Enum


class Trouble(Enum):
    """What is done in place of an answer."""

    CLOSE = "close the connection before the request is answered"
    HANG = "answer nothing"


Answer = bytes | Trouble


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer; names of headers are given with "_" for "-"."""
    lines = [f"HTTP/1.1 {status} -", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "transfer_encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Scripted:
    """Answers in turn; ``then_close`` closes each connection after its answer, as with one that idles."""

    def __init__(self, answers: list[Answer], *, then_close: bool) -> None:
        self.answers = answers
        self.connections = 0
        self.requests: list[str] = []
        self.host = ""
        self._then_close = then_close
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

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
        self.await_ends()

    def await_ends(self) -> None:
        """Wait until every connection has been closed from this side."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while (line := lines.readline()) and self.answers:
                self.requests.append(line.decode().strip())
                length = 0
                while (header := lines.readline().strip().lower()) != b"":
                    if header.startswith(b"content-length:"):
                        length = int(header.partition(b":")[2])
                lines.read(length)
                said = self.answers.pop(0)
                if said is Trouble.HANG:
                    lines.readline()  # until the client gives up
                if isinstance(said, Trouble):
                    return
                connection.sendall(said)
                if self._then_close:
                    return


@contextlib.contextmanager
def scripted(*answers: Answer, then_close: bool = False) -> Iterator[Scripted]:
    """The service, until the context ends."""
    made = Scripted(list(answers), then_close=then_close)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.host = f"127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        thread.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()
    made.close()
