"""A deadline for each request to AWS, which holds whatever the network does.

botocore's connect_timeout is for each address of a name, its read_timeout for each recv, its pauses for neither: a name
with eight dead addresses or an answer that drips outlasts both. So the sockets know when the request they serve must
have ended, the body of its answer included::

    begin        before-call                                                 deadline        end of the invocation
    |------------|--- connect, send, receive, pause, once more, read body ---|--- reserve ---|

What has no bound here is getaddrinfo: the resolver's own configuration ends it. Nothing is sent after it when it took
too long.
"""

import math
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.exceptions import ClientError
from urllib3.exceptions import NewConnectionError

from processing.errors import OutOfTime, Unavailable

CONNECT_TIMEOUT: Final = 1.0  # seconds, for each address and for the TLS handshake
READ_TIMEOUT: Final = 5.0  # for each recv
LONGEST_PAUSE: Final = 2.0  # between the attempts of botocore's standard mode, of which there are three
OVERRUN: Final = 1.0  # botocore waits so long for "100 Continue", and a handshake may begin just before the deadline
RETRY_AFTER: Final = "x-amz-retry-after"


class DeadlineExceeded(Unavailable, CancelledError):
    """The request had not ended in time. botocore passes a CancelledError on as it is, and does not try again."""

    def __init__(self, operation: str) -> None:
        super().__init__("DeadlineExceeded", operation)


@dataclass(frozen=True, slots=True)
class _Request:
    operation: str = "?"
    deadline: float = math.inf  # by time.monotonic

    def seconds_left(self, at_most: float) -> float:
        """Raises:
        DeadlineExceeded: none are left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(self.operation)
        return min(left, at_most)


_UNLIMITED: Final = _Request()
_request = ContextVar("_request", default=_UNLIMITED)  # of the current thread


class Deadlines:
    """The end of the invocation under way, and with it the deadlines of its requests; threads share it."""

    def __init__(self) -> None:
        self._seconds_left: Callable[[], float] = lambda: math.inf

    def begin(self, seconds_left: Callable[[], float]) -> None:
        """An invocation has begun."""
        self._seconds_left = seconds_left

    def limit(self, client: Any, *, seconds: float, reserve: float) -> Any:
        """Make every request of a boto3 client end in time; it raises OutOfTime when there is none left to begin.

        Args:
            seconds: the most that a request may take, its retries and the body of its answer included.
            reserve: the seconds before the invocation's end by which it must have ended, less `OVERRUN`.
        """
        client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)
        events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
        events.register("before-call", partial(self._begin_request, seconds=seconds, reserve=reserve))
        events.register("before-parse", _ignore_retry_after)
        events.register_first(f"needs-retry.{service}", _stop_retrying)
        return client

    def _begin_request(self, model: Any, *, seconds: float, reserve: float, **_: Any) -> None:
        if model.name == "HeadBucket":
            return  # botocore's own, to follow a redirection of the request under way
        operation = f"{model.service_model.endpoint_prefix}:{model.name}"
        left = self._seconds_left()
        if left <= reserve:
            raise OutOfTime(f"{operation}: the invocation ends in {left:.1f} s")
        _request.set(_Request(operation, time.monotonic() + min(seconds, left - reserve)))


def _ignore_retry_after(response_dict: dict[str, Any], **_: Any) -> None:
    """A service may wish for up to five seconds more; the queue's back-off is longer."""
    response_dict["headers"].pop(RETRY_AFTER, None)


def _stop_retrying(response: Any, operation: Any, caught_exception: Exception | None, **_: Any) -> None:
    """A failure is final when the pause after it could outlast the deadline."""
    if _request.get().deadline - time.monotonic() > LONGEST_PAUSE:
        return
    if caught_exception is not None:
        raise caught_exception
    answer, parsed = response
    if answer.status_code >= 300:
        raise ClientError(parsed, operation.name)


class _Socket(socket.socket):
    """A socket no step of which outlasts the request that it serves."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_request.get().seconds_left(READ_TIMEOUT))
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_request.get().seconds_left(READ_TIMEOUT))
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_request.get().seconds_left(READ_TIMEOUT))
        super().sendall(*args, **kwargs)


class _TlsSocket(_Socket, ssl.SSLSocket):
    """The same over TLS, where `sendall` is many times `send`."""


def _connected(connection: Any) -> socket.socket:
    """A socket connected to the first address that answers, as urllib3 does it but for the time-outs."""
    try:
        failure = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            connection._dns_host, connection.port, type=socket.SOCK_STREAM
        ):
            timeout = _request.get().seconds_left(CONNECT_TIMEOUT)
            sock = _Socket(family, kind, protocol)
            try:
                for option in connection.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(timeout)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure
    except OSError as error:
        raise NewConnectionError(connection, f"Failed to establish a new connection: {error}") from error


class _Connection(AWSHTTPConnection):
    _new_conn = _connected


class _TlsConnection(AWSHTTPSConnection):
    _new_conn = _connected

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.ssl_context is not None:  # botocore always gives one
            self.ssl_context.sslsocket_class = _TlsSocket


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection
