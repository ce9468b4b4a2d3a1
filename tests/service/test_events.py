"""The switch `events`: nothing of it when it is off; the stream, the announcer, its rights and alarms when it is on."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service.packaged_service import Package, package
from tests.service.test_access import att, policy
from tests.service.test_resources import needed_for
from tests.table_stream import patterns

MAPPING = "AnnouncerEventSourceMappingDynamodbImagesTable"
NEW = {
    *("ImagesBus", "EventsDlq", "EventsDlqPolicy", "AnnouncerRole", "AnnouncerLogGroup", "AnnouncerLambdaFunction"),
    *(MAPPING, "AnnouncerLateAlarm", "AnnouncerErrorsAlarm", "EventsDlqAlarm"),
}
OUTPUTS = {"EventBus", "EventsDlqUrl", "AnnouncerFunction"}
OPERATORS = {"Announce", "ReadTheAnnouncersLog", "TakeWhatWasNotAnnounced"}


@pytest.fixture(scope="session")
def on() -> Package:
    """The stage of `default`, with the switch on."""
    return package("dev", {"events": "true"}, requirements=False)


def comparable(given: Package) -> dict[str, Any]:
    """The template without what differs at each packaging, and without the names of what is on."""
    text = json.dumps(given.template, sort_keys=True)
    text = re.sub(r"serverless/darkroom/dev/[^/]+/", "", text)
    template: dict[str, Any] = json.loads(re.sub(r"ApiGatewayDeployment\d+", "ApiGatewayDeployment", text))
    for output in ("Switches", "Parameters"):  # name what is on
        del template["Outputs"][output]
    return template


def test_off_leaves_no_line_of_it_in_the_template(default: Package, on: Package) -> None:
    """What is listed here, and nothing else, is all that differs."""
    template = comparable(on)
    resources, outputs = template["Resources"], template["Outputs"]
    for name in NEW:
        del resources[name]
    for name in OUTPUTS:
        del outputs[name]
    table = resources["ImagesTable"]
    assert table["Properties"].pop("StreamSpecification") == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    table["DependsOn"] = [name for name in table["DependsOn"] if name not in NEW]
    document = resources["OperatorPolicy"]["Properties"]["PolicyDocument"]
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] not in OPERATORS]

    assert template == comparable(default)


def test_the_template_with_it_has_nothing_for_cfn_lint_to_say(on: Package) -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    lint = subprocess.run([cfn_lint, on.template_path], capture_output=True, text=True, check=False)

    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


def test_the_mapping_of_the_stream_loses_nothing_and_waits_a_second(on: Package) -> None:
    mapping = dict(on.properties(MAPPING))
    filters = mapping.pop("FilterCriteria")["Filters"]

    assert [json.loads(each["Pattern"]) for each in filters] == patterns()
    assert mapping == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": True,
        "DestinationConfig": {"OnFailure": {"Destination": att("EventsDlq")}},
        "Enabled": True,
        "EventSourceArn": {"Fn::GetAtt": ["ImagesTable", "StreamArn"]},
        "FunctionName": {"Fn::GetAtt": ["AnnouncerLambdaFunction", "Arn"]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRecordAgeInSeconds": 82800,
        "MaximumRetryAttempts": 100,
        "StartingPosition": "TRIM_HORIZON",
    }


def test_the_filters_are_the_ends_of_versions() -> None:
    """A pattern of more than exact values below `dynamodb` would be another thing on AWS than here."""
    before = {"status": {"S": ["IN_PROGRESS"]}}
    assert patterns() == [
        {
            "dynamodb": {
                "OldImage": before,
                "NewImage": {"status": {"S": ["DONE", "REJECTED", "SUPERSEDED", "REMOVED"]}},
            }
        },
        {
            "dynamodb": {
                "OldImage": before,
                "NewImage": {"status": {"S": ["FAILED"]}, "reason": {"M": {"last": {"BOOL": [True]}}}},
            }
        },
    ]


def test_the_announcer_knows_the_bus_and_the_variants_bucket(on: Package) -> None:
    function = on.properties("AnnouncerLambdaFunction")

    assert function["Handler"] == "handlers.announcer.handler"
    assert function["Environment"]["Variables"] == {
        "EVENT_BUS": on.properties("ImagesBus")["Name"],
        "VARIANTS_BUCKET": on.properties("VariantsBucket")["BucketName"],
        "CDN_URL": "",
        "LOG_LEVEL": "INFO",
    }
    assert on.template["Outputs"]["EventBus"]["Value"] == on.properties("ImagesBus")["Name"] == "darkroom-dev"


def test_all_but_the_mapping_is_made_before_the_protected_table(on: Package) -> None:
    before = needed_for(on.template["Resources"], "ImagesTable")

    assert {*NEW} - before == {MAPPING, "AnnouncerLateAlarm", "AnnouncerErrorsAlarm", "EventsDlqAlarm"}


def test_the_queue_of_what_was_not_announced_is_encrypted_and_speaks_tls_only(on: Package) -> None:
    (denied,) = policy(on, "EventsDlqPolicy")

    assert on.properties("EventsDlqPolicy")["Queues"] == [{"Ref": "EventsDlq"}]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": False}})
    assert on.properties("EventsDlq")["SqsManagedSseEnabled"] is True
    assert on.properties("EventsDlq")["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("name", "metric", "statistic", "threshold", "command"),
    [
        (
            "AnnouncerLate",
            "IteratorAge",
            "Maximum",
            15 * 60 * 1000,
            "aws logs tail /aws/lambda/darkroom-dev-announcer",
        ),
        ("AnnouncerErrors", "Errors", "Sum", 0, "aws logs tail /aws/lambda/darkroom-dev-announcer"),
        ("EventsDlq", "ApproximateNumberOfMessagesVisible", "Maximum", 0, "darkroom announce --lost --stage dev"),
    ],
)
def test_an_alarm_names_the_first_command_to_run(
    on: Package, name: str, metric: str, statistic: str, threshold: int, command: str
) -> None:
    alarm = on.properties(f"{name}Alarm")

    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == (metric, statistic, threshold)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert f"First: {command}" in alarm["AlarmDescription"]
    assert len(alarm["AlarmDescription"]) < 1024
