"""A stage on an uploads bucket that somebody has, by either way of its events."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.service.packaged_service import PROJECT, Package
from tests.service.test_access import att, policy, without_sid
from tests.service.test_resources import needed_for
from tests.service.test_taken_up import faults, output

RULE = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/darkroom-prod-uploads"
GIVEN = {
    "param:uploadsPrefix": "raw/",
    "param:uploadsBucket": "originals",
    "self:custom.derived.uploadsBucket": "originals",
    "self:custom.derived.removals": False,
    "self:custom.derived.ingest": "s3",
    "self:custom.uploadsQueueName": "darkroom-prod-uploads",
    "self:custom.api.origins": ["https://a.example.com"],
}
SCRIPT = """
const given = JSON.parse(process.argv[1]);
require('./resources/ingest.cjs')({ resolveVariable: async (name) => given[name] })
  .then((made) => console.log(JSON.stringify(made)));
"""


def ingest(**changes: object) -> dict[str, Any]:
    """What resources/ingest.cjs makes of these parameters."""
    named = {next(each for each in GIVEN if each.endswith(name)): value for name, value in changes.items()}
    command = ["node", "-e", SCRIPT, json.dumps(GIVEN | named)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(run.stdout)
    return made


def owners(made: dict[str, Any]) -> dict[str, Any]:
    """The notification configuration that the owner sets, before the queue's name is filled in."""
    value = made["owners"]["UploadsBucketNotification"]["Value"]
    document: dict[str, Any] = json.loads(value["Fn::Sub"])
    return document


def test_only_the_uploads_bucket_is_the_owners(default: Package, adopted: Package) -> None:
    names = default.template["Resources"].keys()
    missing = {name for name in names - adopted.template["Resources"].keys() if not name.startswith("ApiGatewayDep")}

    assert missing == {"UploadsBucket", "UploadsBucketPolicy"}
    assert adopted.properties("VariantsBucket") == {
        **default.properties("VariantsBucket"),
        "BucketName": {"Fn::Sub": "darkroom-prod-variants-${AWS::AccountId}-${AWS::Region}"},
    }


def test_nothing_refers_to_the_owners_bucket_as_a_resource(adopted: Package) -> None:
    said = json.dumps(adopted.template)

    assert '"Ref": "UploadsBucket"' not in said
    assert "${UploadsBucket." not in said
    assert '["UploadsBucket", "Arn"]' not in said


def test_a_rule_sends_the_events_of_that_bucket_alone_to_the_queue(adopted: Package) -> None:
    rule = adopted.properties("UploadsRule")

    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": ["ten-years-of-originals"]}},
    }
    assert rule["Targets"] == [
        {"Id": "uploads-queue", "Arn": att("UploadsQueue"), "DeadLetterConfig": {"Arn": att("UploadsDlq")}}
    ]


def test_that_rule_alone_may_send_to_the_queue_and_leave_there_what_it_could_not_deliver(adopted: Package) -> None:
    for queue in ("UploadsQueue", "UploadsDlq"):
        send, tls = policy(adopted, f"{queue}Policy")

        assert without_sid(send) == {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": att(queue),
            "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::Sub": RULE}}},
        }
        assert tls["Effect"] == "Deny"
    assert adopted.properties("UploadsRule")["Name"] == RULE.rpartition("/")[2]


def test_both_queues_let_the_rule_send_before_it_stands_and_the_table_is_made_after_it(adopted: Package) -> None:
    resources = adopted.template["Resources"]

    assert {"UploadsQueuePolicy", "UploadsDlqPolicy"} <= needed_for(resources, "UploadsRule")
    assert "UploadsRule" in needed_for(resources, "ImagesTable")


@pytest.mark.parametrize("name", ["ConsumerRole", "ApiRole", "OperatorPolicy"])
def test_the_roles_are_for_the_whole_bucket_where_there_is_no_prefix(adopted: Package, name: str) -> None:
    assert '"arn:${AWS::Partition}:s3:::ten-years-of-originals/*"' in json.dumps(adopted.properties(name))
    assert adopted.environment["UPLOADS_PREFIX"] == ""


def test_the_owner_is_told_of_the_one_switch_and_of_cors(adopted: Package) -> None:
    document = output(adopted, "UploadsBucketNotification")

    assert document == {"EventBridgeConfiguration": {}}
    assert faults("PutBucketNotificationConfiguration", "NotificationConfiguration", document) == ""
    assert output(adopted, "UploadsBucketCors")["CORSRules"][0]["AllowedMethods"] == ["POST"]
    assert adopted.template["Outputs"]["Ingest"] == {"Value": "eventbridge"}


def test_the_configuration_on_the_page_is_the_one_in_the_output() -> None:
    page = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
    (example,) = (text for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "QueueConfigurations" in text)
    queue = {"${UploadsQueue.Arn}": "arn:aws:sqs:eu-west-1:ACCOUNT:darkroom-prod-uploads"}

    (said,) = json.loads(example)["QueueConfigurations"]
    (made,) = owners(ingest(uploadsPrefix="photos/", removals=True))["QueueConfigurations"]
    assert said == made | {"QueueArn": queue[made["QueueArn"]]}


def test_a_bucket_of_the_stacks_own_is_switched_on_by_the_stack() -> None:
    made = ingest(ingest="eventbridge")

    assert made["notification"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_by_its_own_notification_there_is_no_rule_and_nobody_else_may_bury_messages() -> None:
    made = ingest()

    assert made["resources"] == {"Resources": {}}
    assert [each["Effect"] for each in made["dlqStatements"]] == ["Deny"]


@pytest.mark.parametrize("removals", [False, True])
@pytest.mark.parametrize("prefix", ["raw/", ""])
def test_the_stacks_bucket_and_the_owners_notify_of_the_same_events(prefix: str, removals: bool) -> None:
    made = ingest(uploadsPrefix=prefix, removals=removals)

    (queue,) = owners(made)["QueueConfigurations"]
    entries = made["notification"]["QueueConfigurations"]
    assert [each["Event"] for each in entries] == queue["Events"]
    assert len(entries) == (3 if removals else 1)
    rules = [{"Name": "prefix", "Value": "raw/"}]
    assert queue.get("Filter") == ({"Key": {"FilterRules": rules}} if prefix else None)
    assert {json.dumps(each.get("Filter")) for each in entries} == {
        json.dumps({"S3Key": {"Rules": rules}} if prefix else None)
    }


@pytest.mark.parametrize(
    ("prefix", "removals", "kinds", "keys"),
    [("raw/", False, ["Object Created"], [{"prefix": "raw/"}]), ("", True, ["Object Created", "Object Deleted"], None)],
)
def test_the_rule_matches_the_prefix_and_removals_only_where_they_are_on(
    prefix: str, removals: bool, kinds: list[str], keys: list[dict[str, str]] | None
) -> None:
    made = ingest(ingest="eventbridge", uploadsPrefix=prefix, removals=removals)

    pattern = made["resources"]["Resources"]["UploadsRule"]["Properties"]["EventPattern"]
    assert pattern["detail-type"] == kinds
    assert pattern["detail"].get("object", {}).get("key") == keys
