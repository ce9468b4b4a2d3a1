"""A request to AWS ends by its deadline, whatever the network does."""

import contextlib
import itertools
import math
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, ReadTimeoutError

from bench.pipeline.doubles import Doubles
from handlers import clients
from handlers.clients import DeadlineExceeded, Deadlines
from processing.errors import OutOfTime
from tests.scripted_server import Drip, ScriptedServer, Trouble, answer, scripted_server

OBJECT = {"Bucket": "uploads", "Key": "images/cat-1.jpg"}
FOUND = answer(200, b"x" * 100, etag='"e"')
SLOW_DOWN = answer(503, b"<Error><Code>SlowDown</Code><Message>x</Message></Error>")
Make = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server("http://127.0.0.1:1") as made:
        yield made


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")

    def make(url: str, *, seconds: float, left: float = math.inf, reserve: float = 0.0, **limit: float) -> Any:
        limits = Deadlines()
        limits.begin(lambda: left)
        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"})
        client = boto3.client("s3", endpoint_url=url, region_name="eu-west-1", config=config)
        return limits.limit(client, seconds=seconds, reserve=reserve, **limit)

    return make


def read(client: Any) -> bytes:
    return bytes(client.get_object(**OBJECT)["Body"].read())


@pytest.mark.parametrize("whole", [0, 20, len(FOUND) - 100], ids=["the status", "the headers", "the body"])
def test_an_answer_that_drips_ends_at_the_deadline(make: Make, server: ScriptedServer, whole: int) -> None:
    server.script("GetObject", itertools.repeat(Drip(FOUND, whole, pause=0.1)))

    with pytest.raises((DeadlineExceeded, HTTPClientError)):
        read(make(server.url, seconds=0.5))


def test_an_answer_that_does_not_begin_ends_at_the_clients_own_read_timeout(make: Make, server: ScriptedServer) -> None:
    server.script("GetObject", itertools.repeat(Trouble.HANG))

    with pytest.raises(ReadTimeoutError):
        read(make(server.url, seconds=1000, read_timeout=0.05))


def test_a_name_with_eight_dead_addresses_ends_at_the_deadline(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_address() as address:
        found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
        client = make("http://dead.example", seconds=1.5)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found] * 8)

        with pytest.raises(DeadlineExceeded, match="s3:HeadObject"):
            client.head_object(**OBJECT)


@contextlib.contextmanager
def dead_address() -> Iterator[Any]:
    """Of a listener that accepts nobody and whose queue is full, so that the kernel answers no SYN."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        yield full.getsockname()


def test_the_next_address_is_tried_when_one_refuses(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script("GetObject", [FOUND])
    port = int(server.url.rpartition(":")[2])
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (1, port)]
    client = make("http://two.example", seconds=10)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

    assert read(client) == b"x" * 100


def test_a_name_without_an_address_is_no_connection(make: Make) -> None:
    with pytest.raises(ConnectionError):
        make("http://no.invalid", seconds=1).head_object(**OBJECT)


def test_over_tls_an_answer_that_does_not_come_ends_at_the_deadline(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Doubles({"cat": b"pixels"}, tmp_path) as service:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(service.certificate))
        assert read(make(service.endpoint, seconds=10)) == b"pixels"
        service.latency = 2

        with pytest.raises((DeadlineExceeded, HTTPClientError)):
            read(make(service.endpoint, seconds=0.5))


def test_a_deadline_lies_before_the_end_of_the_invocation(make: Make, server: ScriptedServer) -> None:
    server.script("GetObject", itertools.repeat(Drip(FOUND, pause=0.1)))

    with pytest.raises((DeadlineExceeded, HTTPClientError)):
        read(make(server.url, seconds=1000, left=3.5, reserve=3))


def test_with_no_time_left_nothing_is_sent(make: Make, server: ScriptedServer) -> None:
    with pytest.raises(OutOfTime, match="s3:GetObject: the invocation ends in 3"):
        read(make(server.url, seconds=1000, left=3, reserve=3))

    assert server.requests == []


def test_a_failure_is_final_when_the_pause_after_it_could_outlast_the_deadline(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MAX_PAUSE", 1000)
    server.script("GetObject", [SLOW_DOWN, FOUND])

    with pytest.raises(ClientError, match="SlowDown"):
        read(make(server.url, seconds=500))


def test_a_success_is_one_however_late(make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_PAUSE", 1000)
    server.script("GetObject", [FOUND])

    assert read(make(server.url, seconds=500)) == b"x" * 100


def test_a_service_does_not_decide_how_long_a_pause_is(make: Make, server: ScriptedServer) -> None:
    server.script("GetObject", [answer(503, x_amz_retry_after="60000"), FOUND])

    assert read(make(server.url, seconds=4.9)) == b"x" * 100


def test_the_request_by_which_botocore_follows_a_redirection_begins_no_deadline(
    make: Make, server: ScriptedServer
) -> None:
    server.script("HeadObject", [answer(200)])  # of a bucket: scripts know methods only

    make(server.url, seconds=10, left=0).head_bucket(Bucket="uploads")

    assert server.requests == ["HeadObject"]
