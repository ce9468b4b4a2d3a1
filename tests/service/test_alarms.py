"""What raises an alarm beside dead letters, age and bugs (test_resources), and that each says what to do."""

import re
import shlex
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.main import get_command

from ops.cli.main import make_app
from ops.local.template import Template
from tests.service.packaged_service import Package

FUNCTIONS = {"Consumer": "ConsumerLambdaFunction", "Api": "ApiLambdaFunction"}


def watched(package: Package, name: str) -> dict[str, Any]:
    return package.properties(f"{name}Alarm")


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_one_error_or_throttle_of_a_function_raises_an_alarm(default: Package, function: str, metric: str) -> None:
    alarm = watched(default, f"{function}{metric}")

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", metric, "Sum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": FUNCTIONS[function]}}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_invocation_near_its_timeout_raises_an_alarm(default: Package, changed: Package, function: str) -> None:
    for package in (default, changed):
        alarm, timeout = watched(package, f"{function}Duration"), package.properties(FUNCTIONS[function])["Timeout"]

        assert (alarm["MetricName"], alarm["Statistic"]) == ("Duration", "Maximum")
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": FUNCTIONS[function]}}]
        assert 0.85 * timeout * 1000 < alarm["Threshold"] < 0.95 * timeout * 1000


def test_an_answer_of_5xx_raises_an_alarm_by_the_apis_own_name(default: Package) -> None:
    alarm = watched(default, "ApiServerErrors")

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApiGateway", "5XXError")
    assert alarm["Dimensions"] == [
        {"Name": "ApiName", "Value": default.properties("ApiGatewayRestApi")["Name"]},
        {"Name": "Stage", "Value": default.properties("ApiGatewayStage")["StageName"]},
    ]


def test_a_throttled_table_raises_an_alarm_for_reads_and_writes(default: Package) -> None:
    total, *summed = watched(default, "TableThrottles")["Metrics"]

    assert total == {"Id": "throttles", "Expression": "FILL(reads, 0) + FILL(writes, 0)"}
    assert [each["Id"] for each in summed] == ["reads", "writes"]
    for each, name in zip(summed, ("ReadThrottleEvents", "WriteThrottleEvents"), strict=True):
        table = [{"Name": "TableName", "Value": default.properties("ImagesTable")["TableName"]}]
        assert each["MetricStat"]["Metric"] == {"Namespace": "AWS/DynamoDB", "MetricName": name, "Dimensions": table}
        assert each["ReturnData"] is False


def test_every_alarm_reaches_the_topic_and_says_what_to_do(default: Package) -> None:
    alarms = default.of_type("AWS::CloudWatch::Alarm")

    assert len(alarms) == 12
    for name, alarm in alarms.items():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert properties["TreatMissingData"] == "notBreaching", name
        assert 40 < len(properties["AlarmDescription"]) < 1024, name


COMMANDS = re.compile(rf"\bdarkroom (?:{'|'.join(get_command(make_app()).commands)})\b")  # type: ignore[attr-defined]
FIRST = re.compile(r"First: ((?:aws|darkroom) .+?)\. ")
OF_AWS = {
    ("logs", "tail"): {"--since", "--filter-pattern"},
    ("sqs", "receive-message"): {"--visibility-timeout", "--queue-url"},
}
"""Commands of AWS's own, and their options that are used. `logs tail` is of version 2, and in no model of botocore."""


def check_darkroom(words: list[str]) -> None:
    """Parse a command as the shell would pass it on.

    Raises:
        ClickException: there is no such command, option or argument.
    """
    command = get_command(make_app())
    while subcommands := getattr(command, "commands", None):
        command = subcommands[words.pop(0)]
    command.make_context("darkroom", words)


def check_aws(package: Package, words: list[str]) -> None:
    assert {word for word in words if word.startswith("--")} <= OF_AWS[words[0], words[1]]
    groups = {each["Properties"]["LogGroupName"] for each in package.of_type("AWS::Logs::LogGroup").values()}
    assert words[1] != "tail" or words[2] in groups


def test_every_alarm_says_which_command_to_run_first_and_there_is_such_a_command(
    default: Package, changed: Package
) -> None:
    for package, stage in ((default, "dev"), (changed, "local")):
        for name, alarm in package.of_type("AWS::CloudWatch::Alarm").items():
            said = alarm["Properties"]["AlarmDescription"]
            assert len(COMMANDS.findall(said)) == said.count(f"--stage {stage}"), said
            (first,) = FIRST.findall(said + " ") or (f"no command: {name}",)
            of, *words = shlex.split(first.replace("$(", "'$(").replace(")", ")'"))
            if of == "darkroom":
                assert words[-2:] == ["--stage", stage], name
                check_darkroom(words)
            else:
                check_aws(package, words)
    assert len(changed.of_type("AWS::CloudWatch::Alarm")) == 12 + 7


def test_cloudwatch_takes_every_alarm_as_it_is(default: Package) -> None:
    """By botocore's model of PutMetricAlarm, which is how the local stack makes them."""
    physical = {name: name for name in default.template["Resources"]}
    template = Template(default.template, physical, account="123456789012", region="eu-west-1")
    with mock_aws():
        client = boto3.client("cloudwatch", "eu-west-1", aws_access_key_id="local", aws_secret_access_key="local")
        for _, properties in template.resources("AWS::CloudWatch::Alarm"):
            client.put_metric_alarm(**properties)

        assert len(client.describe_alarms()["MetricAlarms"]) == 12
