"""The switch `erasure`: what it deploys, who may do what with it, and that it leaves nothing when it is off."""

import json
from typing import Any

from ops.build.rules import text_of
from ops.cli.settings import OFF, parameters
from processing.erasure import KEPT_BY_SWITCH
from tests.service.conftest import CHANGED
from tests.service.packaged_service import Package
from tests.service.test_access import TLS_ONLY, att, listed, policy, without_sid

TABLE = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/darkroom-local-images"}
UPLOADS = "arn:${AWS::Partition}:s3:::holiday-originals"
VARIANTS = "arn:${AWS::Partition}:s3:::holiday-variants"
BUCKETS = [{"Fn::Sub": UPLOADS}, {"Fn::Sub": VARIANTS}]
BELOW = [{"Fn::Sub": f"{UPLOADS}/incoming/raw/*"}, {"Fn::Sub": f"{VARIANTS}/*"}]
NAME_NOTHING = {
    *(
        "window",
        "removals",
        "erasure",
        "pollQueue",
        "dashboard",
        "alarmEmail",
        "existing",
        "corsOrigins",
        "operators",
        "userPoolArn",
    ),
    *("apiMetrics", "apiAccessLog"),  # which has routes and no paths
    *("cdnAlias", "cdnCertificate", "permissionsBoundary", "tags"),
    *("vpcId", "vpcSubnets", "vpcSecurityGroups", "vpcRouteTables"),
    "kmsKey",  # its uses are logged by bucket, queue or table
    *("originalsTieringDays", "originalsExpireDays", "uploadsVersioning"),  # all versions are erased
}
LARGEST = 6144  # characters of a managed policy, without white space


def granted(statements: list[dict[str, Any]]) -> dict[str, tuple[list[Any], list[Any]]]:
    return {each["Sid"]: (listed(each["Action"]), listed(each["Resource"])) for each in statements}


def of_the_eraser(package: Package) -> list[dict[str, Any]]:
    (inline,) = package.properties("EraserRole")["Policies"]
    statements: list[dict[str, Any]] = inline["PolicyDocument"]["Statement"]
    return statements


def test_the_eraser_may_do_exactly_what_it_does(changed: Package) -> None:
    assert granted(of_the_eraser(changed)) == {
        "TakeErasures": (
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
            [att("ErasuresQueue")],
        ),
        "FindVersions": (
            ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketObjectLockConfiguration"],
            BUCKETS,
        ),
        "EraseVersions": (
            [
                *("s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"),
                "s3:DeleteObjectVersion",
            ],
            BELOW,
        ),
        "ReadVariants": (["s3:GetObject"], BELOW[1:]),
        "FindUnfinishedUploads": (["s3:ListBucketMultipartUploads"], BUCKETS[:1]),
        "AbortUnfinishedUploads": (["s3:AbortMultipartUpload"], BELOW[:1]),
        "ReadAndEraseRecords": (["dynamodb:GetItem", "dynamodb:Query", "dynamodb:DeleteItem"], [TABLE]),
        "WriteReceipts": (["dynamodb:PutItem", "dynamodb:UpdateItem"], [TABLE]),
        "WriteLogs": (["logs:CreateLogStream", "logs:PutLogEvents"], [att("EraserLogGroup")]),
        "SendTraces": (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),  # tests/service/test_tracing.py
    }
    trust = changed.properties("EraserRole")["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "lambda.amazonaws.com"}]


def test_what_is_written_are_intents_and_receipts_alone(changed: Package) -> None:
    for statements in (of_the_eraser(changed), policy(changed, "EraserPolicy")):
        (condition,) = (each["Condition"] for each in statements if "Condition" in each)

        assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#erasures", "#erased"]}}


def test_the_api_may_write_intents_and_send_their_messages(changed: Package) -> None:
    properties = changed.properties("ApiErasurePolicy")

    assert properties["Roles"] == [{"Ref": "ApiRole"}]
    assert granted(policy(changed, "ApiErasurePolicy")) == {
        "WriteIntents": (["dynamodb:PutItem", "dynamodb:UpdateItem"], [TABLE]),
        "RequestErasures": (["sqs:SendMessage"], [att("ErasuresQueue")]),
    }
    (condition,) = (each["Condition"] for each in policy(changed, "ApiErasurePolicy") if "Condition" in each)
    assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#erasures"]}}


def test_the_policy_of_who_erases_belongs_to_nobody_and_is_not_too_long(changed: Package) -> None:
    properties = changed.properties("EraserPolicy")

    assert not properties.keys() & {"Users", "Groups", "Roles"}
    assert len(json.dumps(properties["PolicyDocument"], separators=(",", ":"))) < 0.7 * LARGEST


def test_its_queues_are_encrypted_and_speak_tls_only(changed: Package) -> None:
    for queue in ("ErasuresQueue", "ErasuresDlq"):
        assert changed.properties(queue)["SqsManagedSseEnabled"] is True
        assert [without_sid(each) for each in policy(changed, f"{queue}Policy")] == [
            {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": att(queue), "Condition": TLS_ONLY}
        ]


def test_a_message_outlives_its_invocation_and_is_received_once_at_a_time(changed: Package) -> None:
    queue, function = changed.properties("ErasuresQueue"), changed.properties("EraserLambdaFunction")
    mapping = changed.properties("EraserEventSourceMappingSQSErasuresQueue")

    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": att("ErasuresDlq"), "maxReceiveCount": 20}


def test_both_functions_are_told_of_the_queue_and_the_eraser_how_long_things_are_kept(changed: Package) -> None:
    of_the_api = changed.properties("ApiLambdaFunction")["Environment"]["Variables"]
    variables = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]

    assert of_the_api["ERASURES_QUEUE_URL"] == variables["QUEUE_URL"] == {"Ref": "ErasuresQueue"}
    for name, parameter in (("LOG", "log"), ("QUEUE", "queue"), ("DLQ", "dlq")):
        assert variables[f"{name}_RETENTION_DAYS"] == str(CHANGED[f"{parameter}RetentionDays"])


def test_the_eraser_and_who_erases_know_which_switches_name_images(changed: Package) -> None:
    said = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]["SWITCHES"]

    assert set(said.split(",")) >= {"cdn", "events", "workflow", "tracing"}
    assert "pointInTimeRecovery" not in said
    assert changed.template["Outputs"]["Switches"] == {"Value": said}


def test_it_is_known_of_each_switch_whether_anything_names_images_by_it() -> None:
    switches = {name for name, value in parameters().items() if text_of(value) in (*OFF, "true")}

    assert switches == KEPT_BY_SWITCH.keys() | NAME_NOTHING


def test_each_alarm_names_the_command_to_run_first(changed: Package) -> None:
    for name in ("ErasuresDlq", "ErasuresAge", "EraserErrors"):
        alarm = changed.properties(f"{name}Alarm")

        assert "First: " in alarm["AlarmDescription"]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert len(alarm["AlarmDescription"]) < 1024


def test_the_protected_table_is_made_after_it(changed: Package) -> None:
    depends = changed.template["Resources"]["ImagesTable"]["DependsOn"]

    assert {"EraserPolicy", "ApiErasurePolicy", "EraserEventSourceMappingSQSErasuresQueue"} <= set(depends)


def test_a_stage_without_erasures_has_nothing_of_them(default: Package) -> None:
    names = [*default.template["Resources"], *default.template["Outputs"]]

    assert [name for name in names if "eras" in name.lower()] == []
    assert "ERASURES" not in json.dumps(default.template)


def test_with_events_the_eraser_and_who_erases_may_put_them_on_the_bus(changed: Package) -> None:
    for name in ("EraserEventsPolicy", "EraserPolicy"):
        (allowed,) = (each for each in policy(changed, name) if each["Sid"] == "AnnounceErasures")

        assert (allowed["Action"], allowed["Resource"]) == ("events:PutEvents", att("ImagesBus"))
    variables = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]
    assert variables["EVENT_BUS"] == changed.properties("ImagesBus")["Name"]
