"""The consumer's handler against an AWS that misbehaves: each trouble ends in its fate, within the invocation."""

import io
import itertools
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from PIL import Image

from handlers import consumer
from handlers.clients import ATTEMPTS
from tests.builders import created_body
from tests.handlers.test_consumer import Stack, jpeg, moto_server, record, stack
from tests.scripted_server import Cut, Drip, Early, ScriptedServer, Step, Trouble, answer, scripted_server

__all__ = ["moto_server", "stack"]
KEY = "images/cat.jpg"
ID = {"x_amz_request_id": "id", "x_amzn_requestid": "id"}
PAGE = answer(200, b"<!doctype html><title>Sign in to the network</title>", content_type="text/html")
ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We met an error</Message></Error>"
EXISTS = answer(412, b"<Error><Code>PreconditionFailed</Code><Message>x</Message></Error>", connection="close", **ID)
LARGE = random.Random(1).randbytes(1920 * 1280 * 3)  # as a PNG it stays 7 MB
SECONDS = 60.0
LITTLE = 6.0  # seconds left that let an object begin and be rendered, of which S3 gets three
REQUEST = 0.05  # seconds that a request takes, whatever it takes here


class Context:
    """Lambda's, of an invocation with so many seconds.

    They pass while the server lets a request hang or drips its answer, and by ``REQUEST`` for each request: so a slow
    machine has as many left for what comes before and after as a fast one.
    """

    aws_request_id = "request-1"

    def __init__(self, seconds: float, server: ScriptedServer) -> None:
        self._server = server
        self._end = self._now() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return round((self._end - self._now()) * 1000)

    def _now(self) -> float:
        return self._server.stalled_seconds + REQUEST * len(self._server.requests)


class Desk:
    """A stage whose S3, DynamoDB and SQS are scripted."""

    def __init__(self, stack: Stack, server: ScriptedServer) -> None:
        self.stack = stack
        self.server = server

    def invoke(self, body: str, *, seconds: float = SECONDS) -> bool:
        """Work off one message within an invocation; whether it was acknowledged."""
        context = Context(seconds, self.server)
        answer = consumer.handler({"Records": [record(0, body)]}, context)
        assert context.get_remaining_time_in_millis() > 0, "Lambda has killed the batch"
        return answer["batchItemFailures"] == []

    def item(self, etag: str) -> Any:
        return self.stack.item(KEY, etag)


@pytest.fixture
def desk(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("FUNCTION_TIMEOUT", "10")
    monkeypatch.setenv("TRY_SECONDS", "1")
    monkeypatch.setenv("LEASE_SECONDS", "50")
    with scripted_server(stack.server.url) as server:
        for service in ("S3", "DYNAMODB", "SQS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
        yield Desk(stack, server)


def png(pixels: bytes) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (1920, 1280), pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.mark.parametrize("after", [0, 1 << 17], ids=["at the headers", "in the body"])
def test_a_put_refused_while_7_mb_of_it_are_still_to_come_is_heard_and_done_over_what_is_there(
    desk: Desk, after: int
) -> None:
    older = desk.stack.upload(KEY, jpeg())
    assert desk.invoke(created_body(KEY, older))
    etag = desk.stack.upload(KEY, png(LARGE))
    desk.server.requests.clear()
    desk.server.script("PutObject", [Early(EXISTS, after)])

    assert desk.invoke(created_body(KEY, etag))

    assert desk.server.requests.count("PutObject") == 6  # each of three refused once, the others by moto
    sources = {
        desk.stack.s3.head_object(Bucket="variants", Key=key)["Metadata"]["source-etag"]
        for key in desk.stack.variants()
    }
    assert sources == {etag}


WRONG_SUCCESS = {
    "an error document": answer(200, ERROR, **ID),
    "a web page": PAGE,
    "no ETag": answer(200, b"", **ID),
}


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "HeadObject"])
@pytest.mark.parametrize("wrong", WRONG_SUCCESS)
def test_what_is_no_answer_of_s3s_is_taken_for_none(desk: Desk, operation: str, wrong: str) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script(operation, itertools.repeat(WRONG_SUCCESS[wrong]))

    assert not desk.invoke(created_body(KEY, etag))

    assert desk.item(etag)["status"] == "FAILED"
    assert desk.item(etag)["reason"]["cause"] in ("UnexpectedAnswer", "InternalError", "Http500")


def test_a_body_under_another_etag_is_not_taken_for_the_object(desk: Desk) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script("GetObject", [answer(200, jpeg("red"), etag='"other"', **ID)])

    assert not desk.invoke(created_body(KEY, etag))

    assert desk.item(etag)["reason"]["cause"] == "UnexpectedAnswer"
    assert desk.stack.variants() == {}


@pytest.mark.parametrize("wrong", [PAGE, answer(200, b"{}")], ids=["a web page", "no request id"])
def test_what_is_no_answer_of_dynamodbs_is_no_claim(desk: Desk, wrong: bytes) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script("UpdateItem", itertools.repeat(wrong))

    assert not desk.invoke(created_body(KEY, etag))

    assert (desk.item(etag), desk.stack.variants()) == (None, {})


@pytest.mark.parametrize(
    ("operation", "steps"),
    [
        ("GetObject", [Trouble.CLOSE] * (ATTEMPTS - 1)),
        ("PutObject", [answer(503, ERROR)] * (ATTEMPTS - 1)),
        ("HeadObject", [Trouble.CLOSE]),
        ("UpdateItem", [Trouble.CLOSE]),
    ],
)
def test_what_passes_is_tried_again_and_done(desk: Desk, operation: str, steps: list[Step]) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script(operation, steps)

    assert desk.invoke(created_body(KEY, etag))

    assert desk.item(etag)["status"] == "DONE"


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "HeadObject", "UpdateItem"])
def test_a_kept_connection_that_is_closed_as_it_is_used_again_is_no_failure(desk: Desk, operation: str) -> None:
    for number in range(2):
        etag = desk.stack.upload(KEY, jpeg())
        desk.server.script(operation, [Trouble.CLOSE] * number)

        assert desk.invoke(created_body(KEY, etag))
        desk.stack.s3.delete_object(Bucket="variants", Key="phone/cat.jpg")

    assert desk.server.connections < 6


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "HeadObject"])
def test_a_redirection_that_leads_nowhere_is_tried_again_later(desk: Desk, operation: str) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    text = b"<Error><Code>TemporaryRedirect</Code><Message>Elsewhere</Message><Endpoint>s3</Endpoint></Error>"
    moved = answer(307, b"" if operation == "HeadObject" else text, location=f"{desk.server.url}/uploads", **ID)
    desk.server.script(operation, itertools.repeat(moved))

    assert not desk.invoke(created_body(KEY, etag))

    assert desk.item(etag)["status"] == "FAILED"


def test_a_body_that_breaks_off_is_tried_again_later(desk: Desk) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script("GetObject", [Cut(answer(200, jpeg(), etag=f'"{etag}"', **ID)[:-100])])

    assert not desk.invoke(created_body(KEY, etag))

    assert (desk.item(etag)["status"], desk.stack.variants()) == ("FAILED", {})


def troubles(etag: str) -> dict[str, Iterable[Step]]:
    whole = answer(200, jpeg(), etag=f'"{etag}"', **ID)
    return {
        "hangs": itertools.repeat(Trouble.HANG),
        "drips its headers": itertools.repeat(Drip(whole)),
        "drips its body": itertools.repeat(Drip(whole, whole=len(whole) - len(jpeg()))),
    }


@pytest.mark.parametrize(
    ("operation", "trouble"),
    [
        *itertools.product(["GetObject", "PutObject", "HeadObject"], ["hangs", "drips its headers"]),
        ("GetObject", "drips its body"),
    ],
)
def test_an_s3_that_does_not_come_to_an_end_leaves_time_for_the_reason_and_the_delay(
    desk: Desk, operation: str, trouble: str
) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script(operation, troubles(etag)[trouble])

    assert not desk.invoke(created_body(KEY, etag), seconds=LITTLE)

    assert desk.item(etag)["status"] == "FAILED"
    assert desk.server.requests[-1] == "ChangeMessageVisibilityBatch"


@pytest.mark.parametrize("trouble", ["hangs", "drips its headers"])
@pytest.mark.parametrize("also", ["GetObject", "UpdateItem"])
def test_a_service_that_hangs_beside_sqs_does_not_get_the_batch_killed(desk: Desk, trouble: str, also: str) -> None:
    etag = desk.stack.upload(KEY, jpeg())
    desk.server.script(also, troubles(etag)[trouble])
    desk.server.script("ChangeMessageVisibilityBatch", troubles(etag)[trouble])

    assert not desk.invoke(created_body(KEY, etag), seconds=LITTLE)


def test_with_no_time_left_no_message_is_postponed(desk: Desk) -> None:
    class Ending:
        aws_request_id = "request-1"
        get_remaining_time_in_millis = staticmethod(lambda: 400)

    failed = consumer.handler({"Records": [record(0, "not json")]}, Ending)["batchItemFailures"]

    assert (len(failed), desk.server.requests) == (1, [])
