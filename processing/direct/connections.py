"""Kept connections, and botocore's names for what breaks them."""

import contextlib
import select
import ssl
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    SSLError,
)


class Connections:
    """Connections to a few hosts; threads share them, and each has one to itself while it talks.

    Args:
        trust: whose certificates are believed; None sends in the clear, as to an emulator.
        connect_timeout: seconds to be connected in.
        read_timeout: seconds for each step of sending and reading.
    """

    def __init__(self, *, trust: ssl.SSLContext | None, connect_timeout: float, read_timeout: float) -> None:
        self._trust = trust
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._kept: dict[str, deque[HTTPConnection]] = {}
        self.close = weakref.finalize(self, _close, self._kept)

    def exchange(self, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> "Exchange":
        """Send one request and read the head of its answer; the rest is the exchange's to read.

        Args:
            host: its name, with the port where that is not the usual one.

        Raises:
            EndpointConnectionError, ConnectTimeoutError, SSLError: not connected; nothing was sent.
            ReadTimeoutError, ConnectionClosedError: there is no knowing whether it took effect.
        """
        kept = self._kept.setdefault(host, deque())
        connection = _taken(kept) or self._connect(host)
        try:
            with _broken(connection, host):
                connection.request(method, path, body or None, dict(headers))
                return Exchange(connection, connection.getresponse(), host, kept)
        except Exception:
            _close_all(kept)  # what broke one, such as an environment that was frozen for hours, broke all that idled
            raise

    def _connect(self, host: str) -> HTTPConnection:
        timeout = self._connect_timeout
        connection = (
            HTTPConnection(host, timeout=timeout)
            if self._trust is None
            else HTTPSConnection(host, timeout=timeout, context=self._trust)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise ConnectTimeoutError(endpoint_url=host, error=error) from error
            kind = SSLError if isinstance(error, ssl.SSLError) else EndpointConnectionError
            raise kind(endpoint_url=host, error=error) from error
        connection.sock.settimeout(self._read_timeout)
        return connection


class Exchange:
    """An answer whose body is still to be read; the connection is kept for the next one when it was read to its end."""

    def __init__(
        self, connection: HTTPConnection, response: HTTPResponse, host: str, kept: "deque[HTTPConnection]"
    ) -> None:
        self.status = response.status
        self.headers = response.headers
        self._connection = connection
        self._response = response
        self._host = host
        self._kept = kept
        self._body: bytes | None = None

    def read(self) -> bytes:
        """The whole body; the same one each time.

        Raises:
            IncompleteReadError, ReadTimeoutError, ConnectionClosedError: it broke off.
        """
        if self._body is None:
            with _broken(self._connection, self._host):
                self._body = self._response.read()
            if self._connection.sock is not None:  # it is None when the service said that it would close
                self._kept.append(self._connection)
        return self._body

    def close(self) -> None:
        """Give up the connection, unless all was read."""
        if not self._response.isclosed():
            self._response.close()
            self._connection.close()


def _close(kept: "dict[str, deque[HTTPConnection]]") -> None:
    for connections in kept.values():
        _close_all(connections)


def _close_all(kept: "deque[HTTPConnection]") -> None:
    with contextlib.suppress(IndexError):  # another thread took the last one
        while kept:
            kept.pop().close()


def _taken(kept: "deque[HTTPConnection]") -> HTTPConnection | None:
    """The connection that was used last, unless the other side has closed it since: whoever idles is closed on."""
    with contextlib.suppress(IndexError):  # another thread took the last one
        while kept:
            connection = kept.pop()
            if connection.sock is not None and not _is_readable(connection.sock):
                return connection
            connection.close()
    return None


def _is_readable(sock: Any) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


@contextlib.contextmanager
def _broken(connection: HTTPConnection, host: str) -> Iterator[None]:
    """Close a connection that fails, and name the failure as botocore does."""
    try:
        yield
    except IncompleteRead as error:
        connection.close()
        read = len(error.partial)
        raise IncompleteReadError(actual_bytes=read, expected_bytes=read + (error.expected or 0)) from error
    except TimeoutError as error:
        connection.close()
        raise ReadTimeoutError(endpoint_url=host, error=error) from error
    except (OSError, HTTPException) as error:
        connection.close()
        raise ConnectionClosedError(endpoint_url=host, error=error) from error
    except BaseException:
        connection.close()
        raise
