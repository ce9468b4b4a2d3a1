"""What AWS's failures mean to us: one rule, and few exceptions to it."""

import inspect
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from processing.errors import PreconditionFailed, Unavailable
from processing.storage.refusals import OUR_FAULTS, is_denied, is_missing, meaning_of, translating_errors


def refused(code: str, status: int, operation: str = "GetObject") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


def call(error: Exception) -> None:
    with translating_errors("s3:GetObject images/cat.jpg"):
        raise error


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("RequestTimeout", 400),
        ("AccessDenied", 403),
        ("NoSuchBucket", 404),
        ("InvalidRequest", 400),
        ("InvalidToken", 400),
        ("KMS.DisabledException", 400),
        ("KMS.KMSInvalidStateException", 400),
        ("KMS.ThrottlingException", 400),
        ("TransactionConflictException", 400),
        ("ReplicatedWriteConflictException", 400),
        ("PermanentRedirect", 301),
        ("TemporaryRedirect", 307),
        ("ThisIsNewToEverybody", 418),
    ],
)
def test_a_refusal_is_unavailable_by_its_own_code_known_or_not(code: str, status: int) -> None:
    with pytest.raises(Unavailable, match=r"s3:GetObject images/cat\.jpg") as error:
        call(refused(code, status))
    assert error.value.cause == code
    assert "why" in str(error.value)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (301, "PermanentRedirect"),
        (400, "BadRequest"),
        (403, "AccessDenied"),
        (404, "NotFound"),
        (429, "SlowDown"),
        (500, "Http500"),
        (503, "SlowDown"),
    ],
)
@pytest.mark.parametrize("code", [None, ""])
def test_a_refusal_without_a_body_is_named_by_its_status(status: int, cause: str, code: str | None) -> None:
    with pytest.raises(Unavailable) as error:
        call(refused(str(status) if code is None else code, status))
    assert error.value.cause == cause


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        FlexibleChecksumError(error_msg="another checksum"),
        NoCredentialsError(),
        ResponseParserError("invalid XML received"),
    ],
)
def test_an_answer_that_does_not_come_or_makes_no_sense_is_unavailable(failure: Exception) -> None:
    with pytest.raises(Unavailable) as error:
        call(failure)
    assert error.value.cause == type(failure).__name__


def test_every_failure_that_botocore_knows_is_unavailable_but_for_wrong_parameters() -> None:
    kinds = [kind for _, kind in inspect.getmembers(exceptions, inspect.isclass) if issubclass(kind, BotoCoreError)]
    failures = {kind: kind.__new__(kind) for kind in kinds}

    bugs = {kind for kind, failure in failures.items() if meaning_of(failure, "s3:GetObject") is None}

    assert len(kinds) > 50
    assert bugs == {ParamValidationError}


@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("OperationAborted", 409)]
)
def test_a_condition_that_does_not_hold_is_told_apart(code: str, status: int) -> None:
    with pytest.raises(PreconditionFailed):
        call(refused(code, status))


@pytest.mark.parametrize(
    "bug",
    [*(refused(code, 400) for code in sorted(OUR_FAULTS)), ParamValidationError(report="no parameter"), KeyError("x")],
)
def test_a_wrong_request_stays_the_bug_it_is(bug: Exception) -> None:
    with pytest.raises(type(bug)):
        call(bug)


def test_a_missing_bucket_is_no_missing_object_and_a_web_page_is_none() -> None:
    assert is_missing(refused("NoSuchKey", 404))
    assert is_missing(refused("404", 404, "HeadObject"))
    assert not is_missing(refused("NoSuchBucket", 404))
    assert not is_missing(refused("404", 404))
    assert not is_missing(refused("403", 403))


def test_a_denial_is_known_with_and_without_a_body_and_an_archived_object_is_none() -> None:
    assert is_denied(refused("AccessDenied", 403))
    assert is_denied(refused("AccessDeniedException", 400))
    assert is_denied(refused("403", 403))
    assert not is_denied(refused("InvalidObjectState", 403))
