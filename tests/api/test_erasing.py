"""DELETE /images/{id}: who may, what is written and sent, and a stage that erases nothing."""

from dataclasses import replace

import pytest
from botocore.exceptions import NoCredentialsError

from handlers import api
from processing.ledger.erasures import ErasureTable
from tests.api.conftest import ENVIRONMENT, Stage, key
from tests.api.gateway import Gateway
from tests.api.test_routes import Broken, ask

QUEUE = ENVIRONMENT["ERASURES_QUEUE_URL"]


def sent(stage: Stage) -> list[str]:
    answer = stage.sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_an_erasure_begins_with_its_intent_and_a_message_without_names(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    answer = gateway.send("DELETE", f"/images/{image_id}")

    (intent,) = ErasureTable(stage.dynamodb, "images").pending()
    assert answer.status == 202
    assert answer.json == {"id": image_id, "receipt": intent.id, "object_sha256": intent.digest}
    assert (intent.bucket, intent.key) == ("uploads", key(image_id))
    assert (intent.by, intent.owner) == ("key/anna", "caller:key/anna")
    assert sent(stage) == [intent.digest]


def test_the_same_request_again_is_the_same_erasure_and_sends_its_message_again(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    first = gateway.send("DELETE", f"/images/{image_id}")

    again = gateway.send("DELETE", f"/images/{image_id}")

    assert again.json == first.json
    assert len(ErasureTable(stage.dynamodb, "images").pending()) == 1
    assert len(set(sent(stage))) == 1


def test_another_callers_image_is_not_erased(gateway: Gateway, stage: Stage, image_id: str) -> None:
    gateway.caller = "ben"

    answer = gateway.send("DELETE", f"/images/{image_id}")

    assert answer.status == 404
    assert ErasureTable(stage.dynamodb, "images").pending() == []
    assert sent(stage) == []


def test_an_operator_sees_a_callers_image_and_does_not_erase_it_here(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.finish(image_id)
    gateway.caller = "olga"

    seen, erased = gateway.get(f"/images/{image_id}"), gateway.send("DELETE", f"/images/{image_id}")

    assert (seen.status, erased.status) == (200, 404)
    assert ErasureTable(stage.dynamodb, "images").pending() == []


def test_a_request_whose_message_was_not_sent_can_be_repeated(
    gateway: Gateway, stage: Stage, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(api.api().erasures, "_sqs", Broken(NoCredentialsError()))
        assert gateway.send("DELETE", f"/images/{image_id}").status == 503
    assert sent(stage) == []

    answer = gateway.send("DELETE", f"/images/{image_id}")

    assert answer.status == 202
    assert sent(stage) == [answer.json["object_sha256"]]


def test_a_stage_without_erasures_neither_has_the_method_nor_describes_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = replace(api.api(), erasures=None)
    monkeypatch.setattr(api, "api", lambda: service)

    answer = ask("DELETE", "/images/x")
    document = gateway.get("/openapi.json").json

    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, OPTIONS, HEAD")
    assert list(document["paths"]["/images/{id}"]) == ["get"]
