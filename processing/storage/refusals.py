"""The one rule for AWS's refusals: botocore's exceptions become the error tree's.

A request that AWS refuses may succeed later, so a refusal is `Unavailable` under AWS's own code, known or not. The only
exceptions: a condition that was not met, and a refusal that is known to be a bug in our request (`OUR_FAULTS`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import (
    ResponseParserError,  # not a BotoCoreError: the answer is not, or not all of, the expected document
)

from processing.errors import PreconditionFailed, Retryable, Unavailable

# DynamoDB refuses an expression or a type with these, regardless of its data. S3's codes for a wrong request
# are not here: its InvalidRequest and InvalidArgument also speak of objects, keys and credentials.
OUR_FAULTS: Final = frozenset({"ValidationException", "SerializationException"})

# Answers without a body, as to HEAD, have no code: the code that S3 uses for this status
NAMES_BY_STATUS: Final = {
    301: "PermanentRedirect",
    307: "TemporaryRedirect",
    400: "BadRequest",
    403: "AccessDenied",
    404: "NotFound",
    429: "SlowDown",
    503: "SlowDown",
}

Refusal = ClientError | BotoCoreError | ResponseParserError


@contextmanager
def translating_errors(operation: str) -> Iterator[None]:
    """Name the call in progress, such as ``s3:GetObject images/cat.jpg``, and translate how it fails.

    Raises:
        PreconditionFailed: HTTP 412, or 409 during another conditional write.
        Unavailable: any other refusal, by its code, or no answer, by the name of botocore's exception.

    A fault of our own request is raised unchanged: it is a bug.
    """
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        meaning = meaning_of(error, operation)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: Refusal, operation: str) -> Retryable | None:
    """The error for a refusal or a missing answer; None for a bug in our request."""
    if isinstance(error, ParamValidationError) or code_of(error) in OUR_FAULTS:
        return None
    if is_conflict(error):
        return PreconditionFailed(f"{operation}: {code_of(error)}")
    detail = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else str(error)
    return Unavailable(code_of(error), operation, detail)


def code_of(error: Exception) -> str:
    """AWS's own code for a refusal; the name of the exception where no answer came."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    code, status = str(error.response["Error"].get("Code") or "Unknown"), status_of(error)
    if code.isdigit() or code == "Unknown":
        return NAMES_BY_STATUS.get(status, f"Http{status or code}")
    return code


def status_of(error: Exception) -> int:
    """The HTTP status of the answer, 0 when it is not known."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_conflict(error: Exception) -> bool:
    """Whether a condition was not met, or another conditional write was in progress.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    return status_of(error) == 412 or code_of(error) in ("ConditionalRequestConflict", "OperationAborted")


def is_missing(error: Exception) -> bool:
    """Whether S3 has no such object; false for a missing bucket, and for the 404 page of a proxy.

    For HEAD, whose answer has no body, the three cannot be distinguished.
    """
    if not isinstance(error, ClientError):
        return False
    return code_of(error) == ("NotFound" if error.operation_name == "HeadObject" else "NoSuchKey")


def is_denied(error: Exception) -> bool:
    """Whether a permission is missing."""
    return code_of(error) in ("AccessDenied", "AccessDeniedException")
