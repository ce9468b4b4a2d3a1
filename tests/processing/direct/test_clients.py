"""For which environments the consumer has clients of its own."""

import ssl
from typing import Any

import certifi
import pytest

from processing.direct import direct_clients

USUAL = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "t",
    "AWS_REGION": "eu-west-1",
}


def clients(**environ: str) -> Any:
    return direct_clients({**USUAL, **environ}, certificates=certifi.where(), connect_timeout=1, read_timeout=5)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("us-gov-east-1", "s3.us-gov-east-1.amazonaws.com"),
        ("cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"),
    ],
)
def test_a_region_has_its_own_endpoint_over_tls(region: str, host: str) -> None:
    s3 = clients(AWS_REGION=region).s3

    assert (s3._host, s3._by_path) == (host, False)
    trust = s3._service._connections._trust
    assert trust.verify_mode == ssl.CERT_REQUIRED
    assert trust.check_hostname


def test_an_emulator_is_spoken_to_in_the_clear_and_by_path() -> None:
    s3 = clients(AWS_ENDPOINT_URL="http://127.0.0.1:5000").s3

    assert (s3._host, s3._by_path, s3._service._connections._trust) == ("127.0.0.1:5000", True, None)


def test_an_endpoint_of_one_service_is_that_services_alone() -> None:
    made = clients(AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:8000")

    assert (made.dynamodb._host, made.s3._host) == ("127.0.0.1:8000", "s3.eu-west-1.amazonaws.com")
    assert made.s3._by_path is False


def test_the_trace_is_that_of_the_invocation_and_only_within_lambda() -> None:
    environ = {**USUAL, "_X_AMZN_TRACE_ID": "Root=1"}
    made = direct_clients(environ, certificates=certifi.where(), connect_timeout=1, read_timeout=5)
    assert made is not None

    assert made.s3._service._trace() is None
    environ["AWS_LAMBDA_FUNCTION_NAME"] = "consumer"
    assert made.s3._service._trace() == "Root=1"
    environ["_X_AMZN_TRACE_ID"] = "Root=2"
    assert made.dynamodb._service._trace() == "Root=2"


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_REGION": ""},
        {"AWS_REGION": "us-iso-east-1"},
        {"AWS_REGION": "eu-isoe-west-1"},
        {"AWS_REGION": "eusc-de-east-1"},
        {"AWS_REGION": "mars-north-1"},
        {"AWS_PROFILE": "work"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "True"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"https_proxy": "http://proxy:3128"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000/s3"},
        {"AWS_ENDPOINT_URL_S3": "unix:/socket"},
    ],
    ids=str,
)
def test_what_only_boto3_can_do_is_left_to_it(environ: dict[str, str]) -> None:
    assert clients(**environ) is None


@pytest.mark.parametrize("environ", [{"AWS_USE_FIPS_ENDPOINT": "false"}, {"AWS_PROFILE": ""}], ids=str)
def test_a_setting_that_is_off_is_nothing_unusual(environ: dict[str, str]) -> None:
    assert clients(**environ) is not None
