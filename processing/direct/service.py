"""One AWS service: requests signed, sent, sent again where that may help, and error answers raised as ClientErrors."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from processing.direct.connections import Connections, Exchange
from processing.direct.signature import Signer

ATTEMPTS: Final = 3  # with pauses of at most 1 and 2 seconds between them
PASSING_STATUS: Final = frozenset({429, 500, 502, 503, 504})
PASSING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""What is tried again at once, as botocore's standard mode does:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html

Without that mode's budget of retries: the first failure ends the work on an image, so that in an outage a thread sends
three requests for each image it is given, and how often it is given one is the queue's back-off to decide.
"""

TRACE: Final = "X-Amzn-Trace-Id"
TRACE_SAFE: Final = "-=;:+&[]{}\"',"  # what stands in it unquoted


class Service:
    """Requests to one service.

    Args:
        trace: the invocation's trace header or None; Lambda finds a function that feeds itself by it.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        signer: Signer,
        connections: Connections,
        *,
        explain: Callable[[int, bytes], dict[str, Any]],
        trace: Callable[[], str | None] = lambda: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._signer = signer
        self._connections = connections
        self._explain = explain
        self._trace = trace
        self._pause = pause

    def send(
        self,
        operation: str,
        host: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        read: bool = True,
    ) -> Exchange:
        """Send a request until it is answered with success.

        Args:
            read: whether the answer counts only when it was read to its end; else its body is still to be read.

        Raises:
            ClientError: the service refused.
            ConnectionError, HTTPClientError, IncompleteReadError: botocore's, when there was no answer.
        """
        headers = {"Host": host, "User-Agent": "darkroom", **headers}
        if trace := self._trace():
            headers[TRACE] = quote(trace, safe=TRACE_SAFE)
        failure: Exception
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(random.random() * 2 ** (attempt - 1))
            try:
                signed = self._signer.sign(method, path, headers, body)
                answer = self._connections.exchange(host, method, path, signed, body)
                if answer.status < 300:
                    if read:
                        answer.read()
                    return answer
                failure = self._refusal(operation, answer)
            except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
                failure = error
            else:
                if not _is_passing(failure):
                    break
        raise failure

    def _refusal(self, operation: str, answer: Exchange) -> ClientError:
        told = self._explain(answer.status, answer.read())
        told["ResponseMetadata"] = {"HTTPStatusCode": answer.status, "HTTPHeaders": dict(answer.headers.items())}
        return ClientError(told, operation)  # type: ignore[arg-type] # its types know no other members than the usual


def _is_passing(error: ClientError) -> bool:
    metadata = error.response["ResponseMetadata"]
    return metadata["HTTPStatusCode"] in PASSING_STATUS or error.response["Error"]["Code"] in PASSING_CODES
