"""Whom the consumer's own clients believe over TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from botocore.exceptions import SSLError

from bench.pipeline.doubles import Doubles
from processing.direct import direct_clients

OBJECT = {"Bucket": "uploads", "Key": "images/cat-1.jpg"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    """With a certificate of its own making, for 127.0.0.1."""
    with Doubles({"cat": b"pixels"}, tmp_path_factory.mktemp("tls")) as made:
        yield made


def s3(endpoint: str, trusted: str | Path) -> Any:
    environ = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": str(trusted),
    }
    clients = direct_clients(environ, certificates="/nowhere", connect_timeout=1, read_timeout=5)
    assert clients is not None
    for service in (clients.s3, clients.dynamodb):
        service._service._pause = lambda _: None
    return clients.s3


def test_a_certificate_that_is_trusted_is_spoken_to(service: Doubles) -> None:
    client = s3(service.endpoint, service.certificate)

    assert client.get_object(**OBJECT, IfMatch='"e"')["Body"].read() == b"pixels"


def test_a_certificate_that_nobody_vouches_for_is_refused(service: Doubles) -> None:
    with pytest.raises(SSLError, match="self-signed certificate"):
        s3(service.endpoint, certifi.where()).head_object(**OBJECT)


def test_a_certificate_of_another_host_is_refused(service: Doubles) -> None:
    with pytest.raises(SSLError, match="not valid for 'localhost'"):
        s3(service.endpoint.replace("127.0.0.1", "localhost"), service.certificate).head_object(**OBJECT)
