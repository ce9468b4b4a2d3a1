"""The receivers in docs/events.md: each template is linted, deployed to the emulator, and receives the events."""

import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # types-jsonschema is not pinned
import pytest

from handlers.announcer_bootstrap import build_announcer
from ops.local.announcement import Running, announced
from ops.local.emulator import Emulator
from processing.outbox import ItemChange
from tests.ops.local.conftest import emulator, wait_until
from tests.processing.test_outbox import SCHEMA, Books, finish, undescribed
from tests.receivers import PAGE, RECEIVERS, SECRET, SECRET_HEADER, Receiver, received
from tests.service.packaged_service import PROJECT
from tests.webhook import webhook

__all__ = ["emulator"]  # a fixture


def test_there_are_four() -> None:
    assert list(RECEIVERS) == ["SQS queue", "SNS topic", "Webhook", "Step Functions"]


def test_cfn_lint_has_nothing_to_say(tmp_path: Path) -> None:
    templates = [tmp_path / f"{name}.yml" for name in RECEIVERS]
    for template in templates:
        template.write_text(RECEIVERS[template.stem])

    options = ["--regions", "eu-west-1", "us-east-1", "--"]
    cfn_lint = [str(Path(sys.executable).with_name("cfn-lint")), *options, *map(str, templates)]
    lint = subprocess.run(cfn_lint, capture_output=True, text=True, check=False)

    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


@pytest.mark.parametrize("name", RECEIVERS)
def test_each_keeps_what_cannot_be_delivered(name: str) -> None:
    assert "DeadLetterConfig: {Arn: {'Fn::GetAtt': [Undelivered, Arn]}}" in RECEIVERS[name]
    assert "aws:SourceArn: {'Fn::GetAtt': [Rule, Arn]}" in RECEIVERS[name]


class Stage:
    """A bus on which the announcer announces three ends, and a receiver."""

    def __init__(self, emulator: Emulator) -> None:
        self.client = emulator.client
        self.name = f"receiver-{uuid.uuid4().hex[:8]}"
        self.client("events").create_event_bus(Name=self.name)

    def deploy(self, kind: str, **parameters: str) -> Receiver:
        self.receiver = Receiver(self.client, kind, self.name, Bus=self.name, **parameters)
        return self.receiver

    def subscribe_to(self, receiver: Receiver) -> str:
        """A queue that subscribes to the receiver's topic."""
        url = str(self.client("sqs").create_queue(QueueName=self.name)["QueueUrl"])
        queue = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        topic = receiver.resources["Topic"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["QueueArn"])
        return url

    def announce(self) -> None:
        announcer = build_announcer({"EVENT_BUS": self.name, "VARIANTS_BUCKET": "variants"})
        for how in ("done", "superseded", "dead"):
            books = Books()
            finish(books, how)
            (record,) = books.table.chosen
            assert announcer.announce([ItemChange("1", record["dynamodb"]["NewImage"])]) is None


@pytest.fixture
def stage(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in emulator.environ().items():
        monkeypatch.setenv(name, value)
    stage = Stage(emulator)
    yield stage
    assert stage.receiver.messages("Undelivered") == []
    stage.receiver.delete()
    assert stage.client("events").list_rules(EventBusName=stage.name)["Rules"] == []


def of_the_schema(events: list[dict[str, Any]]) -> list[str]:
    """The types of events, each as AWS sends it and described by the schema."""
    for event in events:
        jsonschema.Draft202012Validator(SCHEMA).validate(event)
    return [event["detail-type"] for event in events]


def test_the_queue_receives_what_its_rule_names(stage: Stage) -> None:
    receiver = stage.deploy("SQS queue")

    stage.announce()

    assert of_the_schema(receiver.messages()) == ["Image Ready", "Image Failed"]


def test_subscribers_of_the_topic_receive_failures_in_short(stage: Stage) -> None:
    url = stage.subscribe_to(stage.deploy("SNS topic", Email="on-call@example.com"))

    stage.announce()

    (notification,) = received(stage.client("sqs"), url)
    assert json.loads(notification["Message"]) == {
        "key": "images/cat.jpg",
        "cause": "CorruptImage",
        "message": "broken off after 12 bytes",
    }


def test_quotes_in_a_key_do_no_harm_to_the_topics_messages(stage: Stage) -> None:
    url = stage.subscribe_to(stage.deploy("SNS topic", Email="on-call@example.com"))
    detail = {"object": {"key": 'a "b" \\.jpg'}, "reason": {"cause": "CorruptImage", "message": "no '\"'"}}
    entry = {"Source": "darkroom", "DetailType": "Image Failed", "Detail": json.dumps(detail)}

    stage.client("events").put_events(Entries=[{**entry, "EventBusName": stage.name}])

    (notification,) = received(stage.client("sqs"), url)
    assert json.loads(notification["Message"])["key"] == 'a "b" \\.jpg'


def test_the_webhook_receives_what_its_rule_names_with_its_secret(stage: Stage) -> None:
    with webhook() as server:
        stage.deploy("Webhook", Url=server.url)
        stage.announce()
        posted = [server.posted.get(timeout=20) for _ in range(2)]

    assert sorted(of_the_schema([json.loads(each.body) for each in posted])) == ["Image Failed", "Image Ready"]
    assert {(each.method, each.headers[SECRET_HEADER]) for each in posted} == {("POST", SECRET)}


def test_the_state_machine_runs_with_each_image_that_is_ready(stage: Stage) -> None:
    receiver = stage.deploy("Step Functions")

    stage.announce()

    (execution,) = wait_until(receiver.executions)
    status, output = execution
    assert status == "SUCCEEDED"
    assert output["object"] == {"bucket": "uploads", "key": "images/cat.jpg"}
    assert output["phone"]


def test_the_pages_command_gives_the_keys_of_the_local_stage_that_runs(emulator: Emulator, tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("THE COMMAND OF docs/events.md IS NOT RUN: jq is missing")
    script = PAGE.split("```bash\n")[1].split("```")[0]
    stack = Running(emulator.endpoint, emulator.credentials)
    with announced(stack, tmp_path / ".cache" / "running"):
        shell = ["bash", "-euc", f"{script}\nenv"]
        printed = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    wanted = {"AWS_ENDPOINT_URL": emulator.endpoint, **emulator.environ()}
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        assert f"{name}={wanted[name]}" in printed.splitlines()


def test_the_event_on_the_page_is_one() -> None:
    event = json.loads(PAGE.split("```json\n")[1].split("```")[0])

    jsonschema.Draft202012Validator(SCHEMA).validate(event)
    assert undescribed(event["detail"], SCHEMA["$defs"]["ended"]) == []


def test_the_page_names_every_type_and_every_alarm() -> None:
    types = SCHEMA["properties"]["detail-type"]["enum"]
    alarms = re.findall(r"AlarmName: .*-(announcer-\w+|events-dlq)$", events_switch(), re.MULTILINE)

    assert [name for name in types if f"| `{name}` |" not in PAGE] == []
    assert len(alarms) == 3
    assert [name for name in alarms if f"| `{name}` |" not in PAGE] == []


def events_switch() -> str:
    return (PROJECT / "resources" / "switches" / "events.yml").read_text(encoding="utf-8")
