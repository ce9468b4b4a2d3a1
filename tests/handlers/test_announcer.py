"""The announcer as Lambda calls it: a batch of stream records in, the exact answer out, and events on a bus."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers import announcer
from handlers.announcer_bootstrap import CLIENT, build_announcer
from processing.errors import Misconfigured
from processing.outbox import MOST_ENTRIES, Announcer, EventBus
from tests.processing.test_outbox import Books, Bus, finish
from tests.table_stream import NOW, announcer_function, mapping

COLD_START = 5  # seconds, at a quarter of a core
ENVIRONMENT = {"EVENT_BUS": "darkroom-dev", "VARIANTS_BUCKET": "variants", "LOG_LEVEL": "INFO"}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Lambda's event with three ends."""
    announcer.announcer.cache_clear()
    books = Books()
    finish(books, "rejected")
    yield {"Records": books.table.chosen[:1] * 3}
    announcer.announcer.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, bus: Bus) -> None:
    monkeypatch.setattr(
        announcer, "build_announcer", lambda: Announcer(EventBus(bus, "bus"), "variants", "", lambda: NOW)
    )


def numbered(event: dict[str, Any], *numbers: str) -> dict[str, Any]:
    records = zip(event["Records"], numbers, strict=True)
    return {"Records": [{**each, "dynamodb": {**each["dynamodb"], "SequenceNumber": n}} for each, n in records]}


def test_success_is_a_list_without_failures(events: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Bus())

    assert announcer.handler(events, None) == {"batchItemFailures": []}


def test_a_refused_event_is_answered_with_its_sequence_number_alone(
    events: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda takes an answer of any other form for success, and the records would be lost."""
    use(monkeypatch, Bus(None, "ThrottlingException", "ThrottlingException"))

    answer = announcer.handler(numbered(events, "111", "222", "333"), None)

    assert json.loads(json.dumps(answer)) == {"batchItemFailures": [{"itemIdentifier": "222"}]}


def test_the_bus_gets_the_events(events: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("events").create_event_bus(Name="darkroom-dev")
        queue = received_by(boto3.client("sqs"), boto3.client("events"), "darkroom-dev")
        made = build_announcer(ENVIRONMENT)
        monkeypatch.setattr(announcer, "build_announcer", lambda: made)

        assert announcer.handler(events, None) == {"batchItemFailures": []}

        messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert [json.loads(each["Body"])["detail-type"] for each in messages] == ["Image Rejected"] * 3


def received_by(sqs: Any, events: Any, bus: str) -> str:
    """A queue that gets every event of a bus."""
    url = str(sqs.create_queue(QueueName="all-events")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["darkroom"]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def test_a_batch_has_its_time_even_if_each_request_is_answered_at_its_last_attempt() -> None:
    client: Any = CLIENT  # the stubs of its class have no attributes
    attempts, pause = client.retries["total_max_attempts"], 0.05  # botocore's, at most, where no answer came
    request = attempts * (client.connect_timeout + client.read_timeout) + pause

    assert mapping("arn").batch_size / MOST_ENTRIES * request + COLD_START < announcer_function()["timeout"]


def test_what_is_missing_in_the_environment_is_named_altogether() -> None:
    with pytest.raises(Misconfigured) as misconfigured:
        build_announcer({"LOG_LEVEL": "LOUD"})

    assert [fault.partition(":")[0] for fault in misconfigured.value.faults] == [
        *("EVENT_BUS", "VARIANTS_BUCKET", "LOG_LEVEL"),
    ]
