"""How checks are run, and what is printed: nothing private, and readable in 80 columns and in a pipe."""

import io

import pytest
import requests
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from ops.cli.doctor.checks import AFTER, BEFORE, CLEANING, REACH
from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.command import run
from ops.cli.doctor.report import is_healthy, page, summary
from ops.cli.doctor.results import Check, CheckResult, CheckStatus, cleaned, fail, ok, skipped, warn
from ops.errors import UsageError

NOBODY = Checkup("local", "eu-west-1", lambda _service: None)


def raising(error, *, optional=False):
    def check(_checkup):
        raise error

    result = Check("it", check, optional=optional).result(NOBODY)
    return result.status.value, result.sentence


def refused(code, message="no"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListThings")


def test_a_bug_in_a_check_is_a_failure_with_its_class_and_message():
    assert raising(KeyError("etag")) == ("fail", "KeyError: 'etag'")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AuthorizationError"])
def test_what_is_denied_is_skipped_with_the_action(code):
    message = "User: x is not authorized to perform: sns:ListSubscriptionsByTopic on resource: y"

    assert raising(refused(code, message)) == ("skipped", "no right to sns:ListSubscriptionsByTopic")
    assert raising(refused(code)) == ("skipped", "no right to ListThings")


def test_what_is_not_answered_fails_unless_it_is_optional():
    assert raising(refused("NoSuchBucket"))[0] == "fail"
    assert raising(refused("NoSuchBucket"), optional=True) == ("skipped", "not answered: ListThings: NoSuchBucket")
    assert raising(EndpointConnectionError(endpoint_url="x"))[0] == "fail"
    assert raising(requests.ConnectionError("refused")) == ("fail", "ConnectionError: refused")
    assert raising(UsageError("there is none")) == ("fail", "there is none")


def test_an_interruption_is_no_result():
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt())


@pytest.mark.parametrize(
    ("private", "public"),
    [
        ("bucket darkroom-prod-uploads-123456789012-eu-west-1", "bucket darkroom-prod-uploads-<account>-eu-west-1"),
        ("User: arn:aws:sts::123456789012:assumed-role/ops/anna.k@x is not", "User: <identity> is not"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <key>"),
        ("code v123456789012", "code v123456789012"),
        ("dev123456789012, media123456789012", "dev<account>, media<account>"),
        ("https://x/?X-Amz-Signature=abc&X-Amz-Credential=d%2Fe", "https://x/?X-Amz-Signature=<removed>&X-Amz-Credential=<removed>"),
        ("sent to anna@example.com", "sent to <address>"),
        ("1795653974108 milliseconds of 250000000 pixels", "1795653974108 milliseconds of 250000000 pixels"),
        ("two\n lines", "two lines"),
    ],
)  # fmt: skip
def test_nothing_private_is_in_a_result(private, public):
    result = cleaned(CheckResult(CheckStatus.FAIL, private, private, {"deep": [{"er": private}]}))

    assert (result.sentence, result.advice, result.facts) == (public, public, {"deep": [{"er": public}]})


@pytest.mark.parametrize("width", [80, 110])
def test_the_name_of_a_check_is_never_broken(width):
    names = [check.name for check in (*REACH, *BEFORE, *AFTER, CLEANING)]
    results = [Check(name, lambda _: warn("found " * 30, "do " * 40)).result(NOBODY) for name in names]
    printed = io.StringIO()

    Console(file=printed, width=width).print(page(results))

    lines = printed.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert [name for name in names if not any(line.startswith(f"{name} ") for line in lines)] == []


def test_warnings_are_healthy_and_a_failure_is_not():
    results = [ok("x"), warn("y"), skipped("z")]

    assert is_healthy(results)
    assert not is_healthy([*results, fail("w")])
    assert summary(results, is_before=False) == "Healthy: 1 ok, 1 warn, 1 skipped."
    assert summary([fail("w")], is_before=True) == "Not ready for a deployment: 1 fail."


def test_no_check_has_the_name_of_another():
    for checks in (BEFORE, AFTER):
        names = [check.name for check in (*REACH, *checks, CLEANING)]
        assert len(set(names)) == len(names)


def test_nothing_is_cleaned_where_nothing_was_uploaded(checkup):
    assert [result.name for result in run(checkup, [])] == ["credentials", "clock", "stack"]
