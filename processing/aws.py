"""What AWS's failures mean to us: botocore's exceptions become the error tree's."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
)

from processing.errors import PreconditionFailed, Unavailable

# Codes of 4xx answers that say nothing against the request itself: the same call may be answered another time.
PASSING_CODES = frozenset(
    {
        "AccessDenied",  # a permission taken away comes back; until then the cause is shown by this name
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "KMS.DisabledException",
        "LimitExceededException",
        "NoSuchBucket",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "ResourceNotFoundException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
PASSING_STATUS = frozenset({401, 403, 408, 409, 429})
PASSING_FAILURES = (
    HTTPClientError,  # time-outs, connections closed, answers that broke off
    ConnectionError,
    IncompleteReadError,
    FlexibleChecksumError,
    NoCredentialsError,
    CredentialRetrievalError,
)


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """Name the call in progress, such as ``s3:GetObject images/cat.jpg``, and translate how it fails.

    Raises:
        PreconditionFailed: HTTP 412, or 409 when a rival's conditional write was under way.
        Unavailable: throttled, 5xx, refused, timed out, no connection.

    Any other failure passes as it is: the request was wrong, which is a bug of ours.
    """
    try:
        yield
    except ClientError as error:
        code, status = code_of(error), status_of(error)
        if status == 412 or code == "ConditionalRequestConflict":
            raise PreconditionFailed(f"{operation}: {code}") from error
        if code in PASSING_CODES or status in PASSING_STATUS or status >= 500:
            raise Unavailable(_named(code, status), operation, error.response["Error"].get("Message", "")) from error
        raise
    except PASSING_FAILURES as error:
        raise Unavailable(type(error).__name__, operation, str(error)) from error


def code_of(error: ClientError) -> str:
    """AWS's code for the failure; the HTTP status where there was no body to carry one, as in answers to HEAD."""
    return str(error.response["Error"].get("Code", "Unknown"))


def status_of(error: ClientError) -> int:
    """The HTTP status of the answer, 0 when it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _named(code: str, status: int) -> str:
    if not code.isdigit():
        return code
    return {403: "AccessDenied", 429: "SlowDown", 503: "SlowDown"}.get(status, f"Http{code}")
