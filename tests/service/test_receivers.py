"""The receivers in docs/events.md: each template is linted, and the queue receives what the announcer puts."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import boto3
import jsonschema  # type: ignore[import-untyped] # types-jsonschema is not pinned
import pytest
from moto import mock_aws

from handlers.announcer_bootstrap import build_announcer
from ops.local import moto_patches
from processing.outbox import ItemChange
from tests.processing.test_outbox import SCHEMA, Books, finish, undescribed
from tests.service.packaged_service import PROJECT

PAGE = (PROJECT / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS = [section.partition("\n") for section in PAGE.split("\n### ")[1:]]
RECEIVERS = {title: text.split("```yaml\n")[1].split("```")[0] for title, _, text in SECTIONS}
"""The template of each, by its heading."""


def test_there_are_four() -> None:
    assert list(RECEIVERS) == ["SQS queue", "SNS topic", "Webhook", "Step Functions"]


@pytest.mark.parametrize("name", RECEIVERS)
@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_cfn_lint_has_nothing_to_say(name: str, region: str, tmp_path: Path) -> None:
    template = tmp_path / "receiver.yml"
    template.write_text(RECEIVERS[name])

    cfn_lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", region, "--", str(template)]
    lint = subprocess.run(cfn_lint, capture_output=True, text=True, check=False)

    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


@pytest.mark.parametrize("name", RECEIVERS)
def test_each_keeps_what_cannot_be_delivered(name: str) -> None:
    assert "DeadLetterConfig: {Arn: {'Fn::GetAtt': [Undelivered, Arn]}}" in RECEIVERS[name]
    assert "aws:SourceArn: {'Fn::GetAtt': [Rule, Arn]}" in RECEIVERS[name]


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..SQS..QueuePolicy")  # without one, moto lets everybody send
def test_the_queue_receives_what_its_rule_names(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_patches.install(partial(monkeypatch.setattr, raising=False))
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        boto3.client("events").create_event_bus(Name="darkroom-dev")
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(StackName="receiver", TemplateBody=RECEIVERS["SQS queue"])
        (stack,) = cloudformation.describe_stacks(StackName="receiver")["Stacks"]
        (url,) = [each["OutputValue"] for each in stack["Outputs"]]
        announcer = build_announcer({"EVENT_BUS": "darkroom-dev", "VARIANTS_BUCKET": "variants"})
        for how in ("done", "superseded", "dead"):
            books = Books()
            finish(books, how)
            (record,) = books.table.chosen
            assert announcer.announce([ItemChange("1", record["dynamodb"]["NewImage"])]) is None

        messages = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

    events = [json.loads(message["Body"]) for message in messages]
    assert [event["detail-type"] for event in events] == ["Image Ready", "Image Failed"]
    for event in events:
        jsonschema.Draft202012Validator(SCHEMA).validate(event)


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
