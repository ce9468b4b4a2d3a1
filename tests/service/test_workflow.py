"""The switch `workflow`: what it adds to the template, who may do what, and what its state machine does."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped] # types-jsonschema is not pinned
import pytest
from moto.core.config import default_user_config
from moto.rekognition.models import RekognitionBackend

from processing.ledger import read
from tests.moto_server import MotoServer, serving
from tests.processing.test_outbox import SCHEMA
from tests.service.packaged_service import Package, package
from tests.service.test_access import TLS_ONLY, att, policy, without_sid
from tests.service.test_events import comparable
from tests.service.test_events import on as events_on
from tests.service.test_resources import needed_for
from tests.table_stream import is_chosen

__all__ = ["events_on"]  # a fixture
NEW = {
    *("Workflow", "WorkflowRole", "WorkflowRule", "WorkflowRuleRole", "WorkflowDlq", "WorkflowDlqPolicy"),
    *("WorkflowDlqAlarm", "LabelsTopic", "LabelsTopicPolicy"),
}
OUTPUTS = {"LabelsTopicArn", "WorkflowDlqUrl"}
OPERATORS = "TakeWhatWasNotLabeled"
REGION, ACCOUNT = "eu-west-1", "123456789012"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:darkroom-dev-labels"
CAT = {"object": {"S": "uploads/images/a {0} cat.jpg"}, "etag": {"S": "e1"}}


@pytest.fixture(scope="session")
def labelling() -> Package:
    """The stage of `default`, with events and the workflow on."""
    return package("dev", {"events": "true", "workflow": "true"}, requirements=False)


def test_it_adds_these_resources_and_off_leaves_no_line_of_it(events_on: Package, labelling: Package) -> None:
    template = comparable(labelling)
    for name in NEW:
        del template["Resources"][name]
    for name in OUTPUTS:
        del template["Outputs"][name]
    table = template["Resources"]["ImagesTable"]
    table["DependsOn"] = [name for name in table["DependsOn"] if name not in NEW]
    document = template["Resources"]["OperatorPolicy"]["Properties"]["PolicyDocument"]
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] != OPERATORS]

    assert template == comparable(events_on)


def test_the_template_with_it_has_nothing_for_cfn_lint_to_say_and_no_null(labelling: Package) -> None:
    """CloudFormation takes no null, of which cfn-lint says nothing inside a definition."""
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    lint = subprocess.run([cfn_lint, labelling.template_path], capture_output=True, text=True, check=False)

    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")
    assert "null" not in json.dumps(labelling.properties("Workflow"))


def test_the_rule_starts_the_state_machine_alone_with_images_that_are_ready(labelling: Package) -> None:
    rule = labelling.properties("WorkflowRule")
    (inline,) = labelling.properties("WorkflowRuleRole")["Policies"]
    (allowed,) = inline["PolicyDocument"]["Statement"]
    (target,) = rule["Targets"]

    assert rule["EventBusName"] == labelling.properties("ImagesBus")["Name"]
    assert rule["EventPattern"] == {"source": ["darkroom"], "detail-type": ["Image Ready"]}
    assert target["Arn"] == {"Ref": "Workflow"}
    assert target["DeadLetterConfig"] == {"Arn": att("WorkflowDlq")}
    assert (allowed["Action"], allowed["Resource"]) == ("states:StartExecution", {"Ref": "Workflow"})


@pytest.mark.parametrize(("role", "service"), [("WorkflowRole", "states"), ("WorkflowRuleRole", "events")])
def test_each_role_is_its_services_for_this_account(labelling: Package, role: str, service: str) -> None:
    (trust,) = labelling.properties(role)["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_its_queue_and_its_topic_speak_tls_only(labelling: Package) -> None:
    allowed, denied = policy(labelling, "WorkflowDlqPolicy")
    (unencrypted,) = policy(labelling, "LabelsTopicPolicy")

    assert labelling.properties("WorkflowDlq")["SqsManagedSseEnabled"] is True
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": att("WorkflowRule")}}
    assert without_sid(denied)["Condition"] == unencrypted["Condition"] == TLS_ONLY
    assert denied["Effect"] == unencrypted["Effect"] == "Deny"


def test_its_alarm_names_the_command_to_run_first_and_an_operator_may_run_it(labelling: Package) -> None:
    alarm = labelling.properties("WorkflowDlqAlarm")
    (granted,) = (each for each in policy(labelling, "OperatorPolicy") if each["Sid"] == OPERATORS)

    assert "First: aws sqs receive-message" in alarm["AlarmDescription"]
    assert f"--queue-name {labelling.properties('WorkflowDlq')['QueueName']} " in alarm["AlarmDescription"]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert {"sqs:GetQueueUrl", "sqs:ReceiveMessage"} <= set(granted["Action"])
    assert granted["Resource"] == att("WorkflowDlq")


def test_all_but_the_alarm_is_made_before_the_protected_table(labelling: Package) -> None:
    assert NEW - needed_for(labelling.template["Resources"], "ImagesTable") == {"WorkflowDlqAlarm"}


def test_its_retries_end_before_an_express_execution_does(labelling: Package) -> None:
    seconds = sum(
        retry["IntervalSeconds"] * (retry["BackoffRate"] ** retry["MaxAttempts"] - 1) / (retry["BackoffRate"] - 1)
        for state in labelling.properties("Workflow")["Definition"]["States"].values()
        for retry in state.get("Retry", ())
        if retry["MaxAttempts"]
    )

    assert labelling.properties("Workflow")["StateMachineType"] == "EXPRESS"
    assert seconds < 300  # each task waits to the longest, and half of that on average


class Stage:
    """The state machine in the emulator, with what it uses; its clients are boto3's."""

    def __init__(self, url: str, workflow: dict[str, Any]) -> None:
        self._url = url
        self.dynamodb, self.sns, self.sqs, states = (
            self.client(name) for name in ("dynamodb", "sns", "sqs", "stepfunctions")
        )
        self.dynamodb.create_table(
            TableName="darkroom-dev-images",
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("object", "etag")],
            BillingMode="PAY_PER_REQUEST",
        )
        self.subscriber, self.set_aside = (
            self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("subscriber", "set-aside")
        )
        self.sns.create_topic(Name="darkroom-dev-labels")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:subscriber"
        self.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
        self._states = states
        self._numbers = itertools.count(1)
        self.requests: dict[str, Any] = {}
        self.machine = states.create_state_machine(
            name="workflow",
            type="STANDARD",  # of express ones the emulator keeps no history
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
            definition=json.dumps(self._resolved(workflow["Definition"]) | {"TimeoutSeconds": 60}),
        )["stateMachineArn"]

    def client(self, service: str) -> Any:
        make: Any = boto3.client  # whose overloads know literal names alone
        return make(
            service, REGION, endpoint_url=self._url, aws_access_key_id="testing", aws_secret_access_key="testing"
        )

    def _resolved(self, node: Any) -> Any:
        """What CloudFormation makes of references."""
        match node:
            case {"Ref": "LabelsTopic"}:
                return TOPIC
            case {"Ref": "WorkflowDlq"}:
                return self.set_aside
            case {"Fn::Sub": str(text)}:
                return (
                    text.replace("${AWS::Partition}", "aws")
                    .replace("${AWS::AccountId}", ACCOUNT)
                    .replace("${AWS::Region}", REGION)
                )
            case dict():  # retries are at once
                made = {name: self._resolved(each) for name, each in node.items()}
                return made | ({"IntervalSeconds": 1, "MaxAttempts": 1} if made.get("MaxAttempts") else {})
            case list():
                return [self._resolved(each) for each in node]
        return node

    def record(self, status: str = "DONE", **more: Any) -> None:
        self.dynamodb.put_item(TableName="darkroom-dev-images", Item={**CAT, "status": {"S": status}, **more})

    def tags(self) -> tuple[str, ...]:
        return read(self.item()).tags

    def item(self) -> dict[str, Any]:
        item: dict[str, Any] = self.dynamodb.get_item(TableName="darkroom-dev-images", Key=CAT).get("Item", {})
        return item

    def run(self, *variants: dict[str, Any]) -> list[str]:
        """The states that an event with these variants enters."""
        named = {"stateMachineArn": self.machine, "name": f"run-{next(self._numbers)}"}
        run = {
            "executionArn": self._states.start_execution(**named, input=json.dumps(event(*variants)))["executionArn"]
        }
        while self._states.describe_execution(**run)["status"] == "RUNNING":
            pass
        history = self._states.get_execution_history(**run)["events"]
        tasks = [each["taskScheduledEventDetails"] for each in history if "taskScheduledEventDetails" in each]
        self.requests = {task["resource"]: json.loads(task["parameters"]) for task in tasks}
        return [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]

    def notices(self) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=self.subscriber, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]


def variant(kind: str, width: int = 480, height: int = 360, name: str = "phone") -> dict[str, Any]:
    key = f"{name}/a {{0}} cat.{kind}"
    size = {"width": width, "height": height, "bytes": 28595}
    return {"bucket": "variants", "name": name, "key": key, "format": kind, "fingerprint": "a89d55ba1f", **size}


def event(*variants: dict[str, Any]) -> dict[str, Any]:
    name, _, key = CAT["object"]["S"].partition("/")
    image = {"format": "jpeg", "mode": "RGB", "width": 4000, "height": 3000, "bytes": 3, "content_type": "image/jpeg"}
    detail: dict[str, Any] = {
        "version": 1,
        "id": "0c6c31b4a78d60e48179934902b7b3d0",
        "object": {"bucket": name, "key": key},
        "etag": CAT["etag"]["S"],
        "ended_at": "2026-11-26T07:00:04Z",
        "attempts": 1,
    }
    if variants:
        detail |= {"image": {**image, "has_transparency": False}, "variants": [*variants]}
    else:
        detail["omitted"] = ["variants", "image"]
    made = {"source": "darkroom", "detail-type": "Image Ready", "time": "2026-11-26T07:00:04Z", "detail": detail}
    jsonschema.Draft202012Validator(SCHEMA).validate(made)
    return made


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with serving() as server:
        yield server


class Labels:
    """Rekognition's answers: the emulator's own has one label, whatever it is shown."""

    def __init__(self) -> None:
        self.names = ["Cat", "Pet"]
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def detect(self, _: object) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
        self.asked += 1
        self.meanwhile()
        return [{"Name": name, "Confidence": 99.0} for name in self.names], {}, "3.0"


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Labels:
    labels = Labels()
    monkeypatch.setattr(RekognitionBackend, "detect_labels", lambda self: labels.detect(self))
    return labels


@pytest.fixture
def stage(moto: MotoServer, labelling: Package, labels: Labels, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("MOTO_PORT", moto.url.rpartition(":")[2])  # or the state machine asks port 5000
    monkeypatch.setitem(default_user_config["stepfunctions"], "execute_state_machine", True)
    moto.reset()
    return Stage(moto.url, labelling.properties("Workflow"))


def test_the_labels_become_tags_of_the_record_and_subscribers_are_told(stage: Stage) -> None:
    stage.record()

    entered = stage.run(variant("webp", name="small"), variant("jpeg"), variant("jpeg", 1920, name="desktop"))

    assert entered[-1] == "Tell"
    assert stage.requests["detectLabels"]["Image"] == {
        "S3Object": {"Bucket": "darkroom-dev-variants-123456789012-eu-west-1", "Name": "phone/a {0} cat.jpeg"}
    }
    assert sorted(stage.tags()) == ["Cat", "Pet"]
    (notice,) = stage.notices()
    assert notice["object"] == {"bucket": "uploads", "key": "images/a {0} cat.jpg"}
    assert (notice["etag"], notice["tags"]) == ("e1", ["Cat", "Pet"])


@pytest.mark.parametrize(
    "variants",
    [
        [],
        [variant("webp"), variant("avif")],
        [variant("jpeg", 79), variant("png", 480, 79)],
    ],
    ids=["omitted", "of-other-formats", "too-small"],
)
def test_without_a_variant_that_rekognition_takes_nothing_is_labeled(
    stage: Stage, labels: Labels, variants: list[dict[str, Any]]
) -> None:
    stage.record()

    assert stage.run(*variants)[-1] == "NotLabeled"
    assert (labels.asked, stage.tags(), stage.notices()) == (0, (), [])


def test_a_png_of_the_least_size_is_taken(stage: Stage) -> None:
    stage.record()

    assert stage.run(variant("webp"), variant("png", 80, 80))[-1] == "Tell"
    assert sorted(stage.tags()) == ["Cat", "Pet"]


@pytest.mark.parametrize("status", ["IN_PROGRESS", "SUPERSEDED", "REMOVED"])
def test_a_version_that_is_overtaken_is_not_labeled(stage: Stage, labels: Labels, status: str) -> None:
    stage.record(status)

    assert stage.run(variant("jpeg"))[-2:] == ["Decide", "Overtaken"]
    assert (labels.asked, stage.tags(), stage.notices()) == (0, (), [])


def test_an_image_that_was_erased_meanwhile_gets_no_record_again(stage: Stage, labels: Labels) -> None:
    stage.record()
    labels.meanwhile = lambda: stage.dynamodb.delete_item(TableName="darkroom-dev-images", Key=CAT)

    assert stage.run(variant("jpeg"))[-2:] == ["Tag", "Overtaken"]
    assert (stage.item(), stage.notices()) == ({}, [])


def test_a_version_that_is_in_work_again_meanwhile_keeps_its_record(stage: Stage, labels: Labels) -> None:
    stage.record()
    labels.meanwhile = lambda: stage.record("IN_PROGRESS")

    assert stage.run(variant("jpeg"))[-2:] == ["Tag", "Overtaken"]
    assert (stage.tags(), stage.notices()) == ((), [])


def test_a_picture_without_labels_has_no_tags(stage: Stage, labels: Labels) -> None:
    stage.record()
    labels.names = []

    assert stage.run(variant("jpeg"))[-2:] == ["Any", "NotLabeled"]
    assert stage.tags() == ()


def test_what_has_tags_is_paid_for_once_and_announced_again(stage: Stage, labels: Labels) -> None:
    stage.record()

    for _ in range(2):
        assert stage.run(variant("jpeg"))[-1] == "Tell"

    assert labels.asked == 1
    assert [sorted(notice["tags"]) for notice in stage.notices()] == [["Cat", "Pet"]] * 2


def test_what_fails_is_set_aside_with_its_error_and_the_record_stays(stage: Stage) -> None:
    stage.record()
    before = stage.item()
    stage.sns.delete_topic(TopicArn=TOPIC)

    assert stage.run(variant("jpeg"))[-3:] == ["Tell", "SetAside", "Failed"]
    (message,) = stage.sqs.receive_message(QueueUrl=stage.set_aside)["Messages"]
    kept = json.loads(message["Body"])
    assert (kept["object"]["key"], kept["variant"]) == ("images/a {0} cat.jpg", "phone/a {0} cat.jpeg")
    assert "Error" in kept["error"]
    assert stage.item() == before | {"tags": {"SS": ["Cat", "Pet"]}}


def test_tagging_is_not_the_end_of_a_version_so_no_event_follows() -> None:
    done = {**CAT, "status": {"S": "DONE"}}
    change: dict[str, Any] = {"OldImage": done, "NewImage": done | {"tags": {"SS": ["Cat"]}}}

    assert not is_chosen({"eventName": "MODIFY", "dynamodb": change})
