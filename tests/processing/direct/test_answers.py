"""What becomes of answers and of their absence, as with boto3: the same exceptions, and the same number of attempts."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
)

from processing.aws import PASSING_FAILURES
from processing.direct import ATTEMPTS, Clients, DynamoClient, S3Client, dynamodb, s3
from processing.direct.connections import Connections
from processing.direct.service import Service
from processing.direct.signature import Credentials, Signer
from tests.processing.direct.scripted import Trouble, answer, scripted

Make = Callable[..., Clients]
SLOW_DOWN = answer(503, b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>")
OBJECT = answer(200, b"pixels", etag='"e1"', content_type="image/png", x_amz_meta_recipe="r1")


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def make(pauses: list[float]) -> Iterator[Make]:
    """Clients of a service at a host."""
    opened: list[Connections] = []

    def make(host: str, read_timeout: float = 5) -> Clients:
        def service(name: str, explain: Any) -> Service:
            opened.append(Connections(trust=None, connect_timeout=1, read_timeout=read_timeout))
            signer = Signer(Credentials("key", "secret"), region="eu-west-1", service=name, clock=lambda: 0)
            return Service(signer, opened[-1], explain=explain, pause=pauses.append)

        return Clients(
            S3Client(service("s3", s3.explain), host=host, by_path=True),
            DynamoClient(service("dynamodb", dynamodb.explain), host=host),
        )

    yield make
    for connections in opened:
        connections.close()


def get(clients: Clients) -> bytes:
    body = clients.s3.get_object(Bucket="uploads", Key="a.png", IfMatch='"e1"')["Body"]
    try:
        return bytes(body.read())
    finally:
        body.close()


def head(clients: Clients) -> Any:
    return clients.s3.head_object(Bucket="uploads", Key="a.png")


def test_an_object_is_told_as_boto3_tells_it(make: Make) -> None:
    with scripted(OBJECT) as service:
        found = make(service.host).s3.get_object(Bucket="uploads", Key="a.png", IfMatch='"e1"')

        assert found.pop("Body").read() == b"pixels"
        assert found == {
            "ETag": '"e1"',
            "ContentLength": 6,
            "ContentType": "image/png",
            "Metadata": {"recipe": "r1"},
        }


def test_a_connection_is_kept_from_one_request_to_the_next(make: Make) -> None:
    with scripted(OBJECT, answer(200, etag='"e1"'), OBJECT) as service:
        clients = make(service.host)
        for _ in range(2):
            assert get(clients) == b"pixels"
            if service.answers:
                clients.s3.put_object(Bucket="uploads", Key="b", Body=b"x", ContentType="a/b", Metadata={})

        assert service.connections == 1


def test_a_connection_that_was_closed_while_it_idled_is_no_failure(make: Make, pauses: list[float]) -> None:
    with scripted(OBJECT, OBJECT, OBJECT, then_close=True) as service:
        clients = make(service.host)
        for _ in range(3):
            assert get(clients) == b"pixels"
            service.await_ends()

        assert (service.connections, pauses) == (3, [])


def test_when_a_kept_connection_breaks_the_others_that_idle_are_not_tried(make: Make) -> None:
    """After a long freeze all are dead, and there are more of them than attempts."""
    with scripted(*[OBJECT] * 5, Trouble.CLOSE, OBJECT) as service:
        clients = make(service.host)
        bodies = [clients.s3.get_object(Bucket="uploads", Key="a.png", IfMatch='"e1"')["Body"] for _ in range(5)]
        assert [body.read() for body in bodies] == [b"pixels"] * 5

        assert get(clients) == b"pixels"
        assert service.connections == 6


def test_an_object_that_was_not_read_gives_its_connection_up(make: Make) -> None:
    with scripted(OBJECT, OBJECT) as service:
        clients = make(service.host)
        clients.s3.get_object(Bucket="uploads", Key="a.png", IfMatch='"e1"')["Body"].close()

        assert get(clients) == b"pixels"
        assert service.connections == 2


@pytest.mark.parametrize("trouble", [SLOW_DOWN, answer(500), answer(502, b"<html>no XML & no JSON"), Trouble.CLOSE])
def test_what_may_pass_is_tried_again_after_a_pause(make: Make, pauses: list[float], trouble: Any) -> None:
    with scripted(trouble, trouble, OBJECT) as service:
        assert get(make(service.host)) == b"pixels"

    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 1
    assert 0 <= pauses[1] <= 2


def test_three_attempts_are_all(make: Make, pauses: list[float]) -> None:
    with scripted(*[SLOW_DOWN] * ATTEMPTS, OBJECT) as service, pytest.raises(ClientError) as error:
        get(make(service.host))

    assert error.value.response["Error"] == {"Code": "SlowDown", "Message": "Reduce your rate"}
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert error.value.operation_name == "GetObject"
    assert (len(pauses), service.answers) == (ATTEMPTS - 1, [OBJECT])


@pytest.mark.parametrize("status", [301, 304, 400, 403, 404, 409, 412])
def test_what_will_not_pass_is_told_at_once(make: Make, pauses: list[float], status: int) -> None:
    with scripted(answer(status), OBJECT) as service, pytest.raises(ClientError) as error:
        head(make(service.host))

    assert error.value.response["Error"]["Code"] == str(status)
    assert pauses == []


def test_an_error_in_chunks_is_read(make: Make) -> None:
    """As S3 sends them."""
    text = b"<Error><Code>NoSuchKey</Code><Message>The key &quot;a&quot; is not there</Message></Error>"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    with scripted(answer(404, chunks, transfer_encoding="chunked"), OBJECT) as service:
        clients = make(service.host)
        with pytest.raises(ClientError) as error:
            get(clients)

        assert error.value.response["Error"] == {"Code": "NoSuchKey", "Message": 'The key "a" is not there'}
        assert get(clients) == b"pixels"
        assert service.connections == 1


def test_a_refused_condition_of_the_ledger_brings_the_item_as_it_is(make: Make, pauses: list[float]) -> None:
    refusal = {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": {"owner": {"S": "another"}},
    }
    with scripted(answer(400, json.dumps(refusal).encode())) as service, pytest.raises(ClientError) as error:
        make(service.host).dynamodb.update_item(TableName="images")

    told: dict[str, Any] = dict(error.value.response)
    assert told["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
    assert told["Item"] == {"owner": {"S": "another"}}
    assert pauses == []


def test_a_throttled_write_of_the_ledger_is_tried_again(make: Make) -> None:
    refusal = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "Message": "Rate exceeded"}
    with scripted(answer(400, json.dumps(refusal).encode()), answer(200, b"{}")) as service:
        assert make(service.host).dynamodb.update_item(TableName="images") == {}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_an_answer_that_is_not_dynamodbs_says_its_status(make: Make, body: bytes) -> None:
    with scripted(answer(403, body)) as service, pytest.raises(ClientError) as error:
        make(service.host).dynamodb.update_item(TableName="images")

    assert error.value.response["Error"] == {"Code": "403", "Message": "Forbidden"}


def test_no_answer_in_time_is_a_timeout(make: Make) -> None:
    with scripted(*[Trouble.HANG] * ATTEMPTS) as service, pytest.raises(ReadTimeoutError):
        head(make(service.host, read_timeout=0.05))

    assert service.answers == []


def test_a_closed_connection_is_told(make: Make) -> None:
    with scripted(*[Trouble.CLOSE] * ATTEMPTS) as service, pytest.raises(ConnectionClosedError):
        head(make(service.host))


def test_nobody_listening_is_told(make: Make, pauses: list[float]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(EndpointConnectionError):
            head(make(f"127.0.0.1:{bound.getsockname()[1]}"))

    assert len(pauses) == ATTEMPTS - 1


def test_a_body_that_breaks_off_is_told_and_not_read_again(make: Make) -> None:
    cut = answer(200, b"pixels", etag='"e1"')[:-3]
    with scripted(cut, then_close=True) as service, pytest.raises(IncompleteReadError, match="3 read"):
        get(make(service.host))


def test_an_answer_to_a_write_that_breaks_off_is_asked_for_again(make: Make) -> None:
    with scripted(answer(200, b"{}")[:-1], answer(200, b"{}"), then_close=True) as service:
        assert make(service.host).dynamodb.update_item(TableName="images") == {}


def test_every_failure_of_connections_is_one_that_passes() -> None:
    for kind in (
        ConnectTimeoutError,
        EndpointConnectionError,
        ReadTimeoutError,
        ConnectionClosedError,
        IncompleteReadError,
    ):
        assert issubclass(kind, PASSING_FAILURES)


def test_a_parameter_that_is_not_known_here_is_not_left_out_in_silence(make: Make) -> None:
    with pytest.raises(TypeError, match="PutObject is not known here with ACL"):
        make("127.0.0.1:1").s3.put_object(Bucket="uploads", Key="a", ACL="private")
