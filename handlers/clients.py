"""The consumer's clients of S3, DynamoDB and SQS: boto3's, each request with a deadline that holds on any network.

botocore's connect_timeout applies to each address of a name, its read_timeout to each recv, and neither to its pauses:
a name with eight dead addresses, or an answer that arrives byte by byte, takes longer than both. So every socket has
the deadline of its request, the body of the answer included::

    begin        before-call                                                 deadline        end of the invocation
    |------------|--- connect, send, receive, pause, retry, read body ------|--- reserve ---|

getaddrinfo has no limit here: the resolver's configuration ends it. When it took too long, no request is sent after it.
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

import boto3
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import determine_content_length
from urllib3.exceptions import NewConnectionError

from processing.errors import OutOfTime, Unavailable

CONNECT_TIMEOUT: Final = 1.0  # seconds, for each address and for the TLS handshake
READ_TIMEOUT: Final = 5.0  # for each recv
MAX_PAUSE: Final = 2.0  # between the attempts of botocore's standard mode, of which there are three
ANNOUNCED_BYTES: Final = 1 << 21  # of a body that is sent after "100 Continue" alone; as in AWS's SDK for Go
OVERRUN: Final = 1.0  # the wait of botocore for "100 Continue"; a handshake may also begin just before the deadline
RETRY_AFTER: Final = "x-amz-retry-after"
ATTEMPTS: Final = 3
DEADLINE: Final = 20.0  # seconds for a request, its retries and the body of its answer
REQUEST_SECONDS: Final = DEADLINE + OVERRUN

RESERVES: Final = {"s3": 3.0, "dynamodb": 2.0, "sqs": 0.5}
"""Seconds before the end of an invocation by which a request must have ended: when S3 does not answer, there is time to
record the reason; when the ledger does not answer either, to postpone the message."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The boto3 clients of the store, the ledger and the queue."""

    s3: Any
    dynamodb: Any
    sqs: Any


def make_clients(deadlines: "Deadlines", *, connections: int) -> Clients:
    """The clients of one consumer.

    Args:
        connections: the most requests that run in parallel.
    """
    session = boto3.Session()
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        user_agent="darkroom",
        tcp_keepalive=True,
        request_checksum_calculation="when_required",  # the signature covers the SHA-256 of the body in its place
    )

    def make(service: Any) -> Any:
        client = session.client(service, config=config)
        client.meta.events.register("response-received", check_sender)
        client.meta.events.register_last("before-call.s3", _send_small_bodies_at_once)
        return deadlines.limit(client, seconds=DEADLINE, reserve=RESERVES[service])

    return Clients(s3=make("s3"), dynamodb=make("dynamodb"), sqs=make("sqs"))


def check_sender(parsed_response: dict[str, Any] | None, event_name: str, **_: Any) -> None:
    """Check that a success has a request id, as every answer of AWS: one without it is from a proxy.

    Raises:
        Unavailable: it has no request id.
    """
    metadata = (parsed_response or {}).get("ResponseMetadata", {})
    if metadata.get("HTTPStatusCode") in range(200, 300) and not metadata.get("RequestId"):
        operation = event_name.removeprefix("response-received.").replace(".", ":")
        raise Unavailable("UnexpectedAnswer", operation, "the response has no request id")


def _send_small_bodies_at_once(params: dict[str, Any], **_: Any) -> None:
    """Send no ``Expect: 100-continue`` with a small body: S3's leave costs a round trip, and refusals are rare."""
    if (determine_content_length(params["body"]) or 0) < ANNOUNCED_BYTES:
        params["headers"].pop("Expect", None)


class DeadlineExceeded(Unavailable, CancelledError):
    """The request did not end in time. botocore raises a CancelledError unchanged, and does not retry."""

    def __init__(self, operation: str) -> None:
        super().__init__("DeadlineExceeded", operation)


@dataclass(frozen=True, slots=True)
class _Request:
    operation: str = "?"
    deadline: float = math.inf  # by time.monotonic
    read_timeout: float = READ_TIMEOUT

    def seconds_left(self, at_most: float) -> float:
        """Raises:
        DeadlineExceeded: none are left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(self.operation)
        return min(left, at_most)

    def next_timeout(self) -> float:
        """For the next step of sending or receiving; raises as `seconds_left` does."""
        return self.seconds_left(self.read_timeout)


_UNLIMITED: Final = _Request()
_request = ContextVar("_request", default=_UNLIMITED)  # of the current thread


class Deadlines:
    """The end of the current invocation, and so the deadlines of its requests; threads share it."""

    def __init__(self) -> None:
        self._seconds_left: Callable[[], float] = lambda: math.inf

    def begin(self, seconds_left: Callable[[], float]) -> None:
        """Start an invocation."""
        self._seconds_left = seconds_left

    def limit(self, client: Any, *, seconds: float, reserve: float, read_timeout: float | None = None) -> Any:
        """Make every request of a boto3 client end in time; it raises OutOfTime if too little is left to begin.

        Args:
            seconds: the longest that a request may take, its retries and the body of its answer included.
            reserve: the seconds before the invocation's end by which it must have ended, less `OVERRUN`.
            read_timeout: the longest that the service may take to send the next part of its answer, if not the usual.
        """
        read_timeout = READ_TIMEOUT if read_timeout is None else read_timeout
        client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)
        events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
        begin = partial(self._begin_request, seconds=seconds, reserve=reserve, read_timeout=read_timeout)
        events.register("before-call", begin)
        events.register("before-parse", _ignore_retry_after)
        events.register_first(f"needs-retry.{service}", _stop_retrying)
        return client

    def _begin_request(self, model: Any, *, seconds: float, reserve: float, read_timeout: float, **_: Any) -> None:
        if model.name == "HeadBucket":
            return  # botocore's own, to follow a redirection of the current request
        operation = f"{model.service_model.endpoint_prefix}:{model.name}"
        left = self._seconds_left()
        if left <= reserve:
            raise OutOfTime(f"{operation}: the invocation ends in {left:.1f} s")
        _request.set(_Request(operation, time.monotonic() + min(seconds, left - reserve), read_timeout))


def _ignore_retry_after(response_dict: dict[str, Any], **_: Any) -> None:
    """Ignore the pause that a service requests, up to five seconds: the queue's backoff is longer."""
    response_dict["headers"].pop(RETRY_AFTER, None)


def _stop_retrying(response: Any, operation: Any, caught_exception: Exception | None, **_: Any) -> None:
    """Raise a failure instead of retrying when the pause before the retry could exceed the deadline."""
    if _request.get().deadline - time.monotonic() > MAX_PAUSE:
        return
    if caught_exception is not None:
        raise caught_exception
    answer, parsed = response
    if answer.status_code >= 300:
        raise ClientError(parsed, operation.name)


class _Socket(socket.socket):
    """A socket whose every call ends by the deadline of the current request."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_request.get().next_timeout())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_request.get().next_timeout())
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_request.get().next_timeout())
        super().sendall(*args, **kwargs)


class _TlsSocket(_Socket, ssl.SSLSocket):
    """The same over TLS, where `sendall` calls `send` repeatedly."""


def _connected(connection: Any) -> socket.socket:
    """A socket connected to the first address that answers, as in urllib3 except for the timeouts."""
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
