"""What AWS's failures mean to us."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from processing.aws import calling
from processing.errors import PreconditionFailed, Unavailable


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


def call(error: Exception) -> None:
    with calling("s3:GetObject images/cat.jpg"):
        raise error


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        ("SlowDown", 503, "SlowDown"),
        ("InternalError", 500, "InternalError"),
        ("ThrottlingException", 400, "ThrottlingException"),
        ("ProvisionedThroughputExceededException", 400, "ProvisionedThroughputExceededException"),
        ("RequestTimeout", 400, "RequestTimeout"),
        ("AccessDenied", 403, "AccessDenied"),
        ("AccessDeniedException", 400, "AccessDeniedException"),
        ("NoSuchBucket", 404, "NoSuchBucket"),
        ("403", 403, "AccessDenied"),
        ("503", 503, "SlowDown"),
        ("500", 500, "Http500"),
    ],
)
def test_what_may_pass_is_unavailable_by_its_code(code: str, status: int, cause: str) -> None:
    with pytest.raises(Unavailable, match=r"s3:GetObject images/cat\.jpg") as error:
        call(refused(code, status))
    assert error.value.cause == cause


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        NoCredentialsError(),
    ],
)
def test_a_connection_that_fails_is_unavailable(failure: Exception) -> None:
    with pytest.raises(Unavailable) as error:
        call(failure)
    assert error.value.cause == type(failure).__name__


@pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)])
def test_a_condition_that_does_not_hold_is_told_apart(code: str, status: int) -> None:
    with pytest.raises(PreconditionFailed):
        call(refused(code, status))


@pytest.mark.parametrize(
    "bug", [refused("ValidationException", 400), ParamValidationError(report="no such parameter"), KeyError("x")]
)
def test_a_wrong_request_stays_the_bug_it_is(bug: Exception) -> None:
    with pytest.raises(type(bug)):
        call(bug)
