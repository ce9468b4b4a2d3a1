"""How the deployed parts are joined, kept and watched, as they stand in the packaged template."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bench.runner import malloc_settings
from handlers.rendering import METRIC
from handlers.telemetry import Metrics
from tests.service.packaged_service import PROJECT, Package

LARGEST_MMAP_THRESHOLD = 32 * 2**20  # bytes; DEFAULT_MMAP_THRESHOLD_MAX of a 64-bit system, mallopt(3)


def notification(event: str, prefix: str) -> dict[str, Any]:
    return {
        "Event": event,
        "Queue": {"Fn::GetAtt": ["UploadsQueue", "Arn"]},
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}},
    }


def test_every_created_object_below_the_prefix_is_announced_to_the_queue(default: Package) -> None:
    assert default.properties("UploadsBucket")["NotificationConfiguration"] == {
        "QueueConfigurations": [notification("s3:ObjectCreated:*", "images/")]
    }
    assert default.environment["UPLOADS_PREFIX"] == "images/"
    assert default.environment["REMOVALS"] == "false"


def test_removed_and_expired_objects_are_announced_too_when_removals_are_on(changed: Package) -> None:
    assert changed.properties("UploadsBucket")["NotificationConfiguration"] == {
        "QueueConfigurations": [
            notification("s3:ObjectCreated:*", "incoming/raw/"),
            notification("s3:ObjectRemoved:*", "incoming/raw/"),
            notification("s3:LifecycleExpiration:*", "incoming/raw/"),
        ]
    }
    assert changed.environment["UPLOADS_PREFIX"] == "incoming/raw/"
    assert changed.environment["REMOVALS"] == "true"


def test_s3_may_send_before_it_is_told_to(default: Package) -> None:
    assert default.template["Resources"]["UploadsBucket"]["DependsOn"] == ["UploadsQueuePolicy"]


def test_a_bucket_is_named_after_account_and_region_so_that_the_name_is_free(default: Package) -> None:
    for bucket, name in (("UploadsBucket", "uploads"), ("VariantsBucket", "variants")):
        expected = f"darkroom-dev-{name}-${{AWS::AccountId}}-${{AWS::Region}}"

        assert default.properties(bucket)["BucketName"] == {"Fn::Sub": expected}


def test_a_bucket_can_be_given_a_name(changed: Package) -> None:
    assert changed.properties("UploadsBucket")["BucketName"] == "holiday-originals"
    assert changed.properties("VariantsBucket")["BucketName"] == "holiday-variants"


KEPT = ("UploadsBucket", "VariantsBucket", "UploadsBucketPolicy", "VariantsBucketPolicy", "ImagesTable")


@pytest.mark.parametrize("logical_id", KEPT)
def test_what_cannot_be_made_again_stays_with_its_policy_when_the_stack_goes(default: Package, logical_id: str) -> None:
    """But not when the very first deployment fails: the next one would find the names taken."""
    resource = default.template["Resources"][logical_id]

    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


def test_nothing_else_stays(default: Package) -> None:
    kept = {name for name, each in default.template["Resources"].items() if "DeletionPolicy" in each}

    assert kept == set(KEPT)


def test_the_protected_table_is_made_when_nothing_else_can_fail_any_more(
    default: Package, taken_up: Package, hardened: Package
) -> None:
    """CloudFormation cannot take back a protected table after a failure, and its name would be taken the next time."""
    for package in (default, taken_up, hardened):
        before = needed_for(package.template["Resources"], "ImagesTable")
        watching = {name for name, each in package.template["Resources"].items() if "CloudWatch" in each["Type"]}
        keys = {name for name in package.template["Resources"] if name.startswith(("ApiKey", "ApiUsagePlan"))}

        later = {
            name: each["Type"]
            for name, each in package.template["Resources"].items()
            if name not in before | watching | keys | {"ImagesTable", "AnnouncerEventSourceMappingDynamodbImagesTable"}
        }
        assert set(later.values()) <= {  # what refers to a name of this stack's own and to nothing that can be taken
            *("AWS::SQS::QueuePolicy", "AWS::SNS::Topic", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy"),
            *("AWS::S3::Bucket", "AWS::SNS::TopicPolicy"),
        }
        assert {name for name, kind in later.items() if "S3" in kind} <= {
            *("ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy"),
        }


def needed_for(resources: dict[str, Any], name: str) -> set[str]:
    """All that CloudFormation makes before a resource: what it depends on or refers to, and so on."""

    def names(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "Ref":
                    yield value
                elif key == "Fn::GetAtt":
                    yield value[0]
                elif key == "Fn::Sub":
                    yield from (found.partition(".")[0] for found in re.findall(r"\$\{([^}]+)\}", value))
                else:
                    yield from names(value)
        elif isinstance(node, list):
            for each in node:
                yield from names(each)

    found: set[str] = set()
    waiting = [name]
    while waiting:
        resource = resources[waiting.pop()]
        said = resource.get("DependsOn", [])
        direct = {*([said] if isinstance(said, str) else said), *names(resource.get("Properties", {}))}
        new = {each for each in direct if each in resources} - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("logical_id", ["UploadsBucket", "VariantsBucket"])
def test_uploads_that_were_broken_off_are_not_paid_for_for_ever(default: Package, logical_id: str) -> None:
    assert default.properties(logical_id)["LifecycleConfiguration"]["Rules"] == [
        {
            "Id": "abort-incomplete-multipart-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]


def test_the_images_table_has_one_item_for_each_version_of_each_object_and_never_forgets(default: Package) -> None:
    assert default.properties("ImagesTable") == {
        "TableName": "darkroom-dev-images",
        "DeletionProtectionEnabled": True,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "object", "AttributeType": "S"},
            {"AttributeName": "etag", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "object", "KeyType": "HASH"},
            {"AttributeName": "etag", "KeyType": "RANGE"},
        ],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},  # the ledger writes no such thing
    }


def test_point_in_time_recovery_can_be_switched_off(changed: Package) -> None:
    recovery = changed.properties("ImagesTable")["PointInTimeRecoverySpecification"]

    assert recovery == {"PointInTimeRecoveryEnabled": False}


def alarm(package: Package, logical_id: str) -> dict[str, Any]:
    return {
        key: value
        for key, value in package.properties(logical_id).items()
        if key not in ("AlarmName", "AlarmDescription")
    }


def test_one_dead_letter_raises_the_alarm(default: Package) -> None:
    assert alarm(default, "DlqDepthAlarm") == {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["UploadsDlq", "QueueName"]}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopic"}],
        "OKActions": [{"Ref": "AlarmTopic"}],
    }


def test_an_upload_that_waits_a_quarter_of_an_hour_longer_than_a_killed_one_raises_the_alarm(default: Package) -> None:
    assert alarm(default, "QueueAgeAlarm") == {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["UploadsQueue", "QueueName"]}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 6 * 805 + 1 + 900,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopic"}],
        "OKActions": [{"Ref": "AlarmTopic"}],
    }


def test_a_bug_raises_the_alarm_by_the_metric_that_the_consumer_writes(default: Package) -> None:
    lines: list[str] = []
    metrics = Metrics("the function's name", clock=lambda: 0, write=lines.append)
    metrics.emit(logging.makeLogRecord({"data": {"outcome": "unexpected", "receive": 1}}))
    metrics.flush_batch()
    (line,) = map(json.loads, lines)
    (group,) = line["_aws"]["CloudWatchMetrics"]
    (names,) = group["Dimensions"]

    watched = alarm(default, "BugAlarm")
    assert watched["Namespace"] == group["Namespace"]
    assert [watched["MetricName"]] == [metric["Name"] for metric in group["Metrics"]]
    assert watched["Dimensions"] == [
        {"Name": name, "Value": {"Ref": "ConsumerLambdaFunction"} if name == "Function" else line[name]}
        for name in names
    ]
    assert (watched["Statistic"], watched["Threshold"]) == ("Sum", 0)
    assert watched["AlarmActions"] == watched["OKActions"] == [{"Ref": "AlarmTopic"}]


def test_rendering_without_a_sandbox_raises_the_alarm_within_minutes_and_as_long_as_it_lasts(default: Package) -> None:
    written: list[str] = []
    metrics = Metrics("the function's name", clock=lambda: 0, write=written.append)
    metrics.count_always(METRIC)
    metrics.flush_batch()
    for line in map(json.loads, written):
        (group,) = line["_aws"]["CloudWatchMetrics"]
        watched = alarm(default, "SandboxAlarm")

        assert watched["Namespace"] == group["Namespace"]
        assert [{"Name": watched["MetricName"], "Unit": "Count"}] == group["Metrics"]
        assert watched["Dimensions"] == [
            {"Name": name, "Value": {"Ref": "ConsumerLambdaFunction"}} for name in group["Dimensions"][0]
        ]
        assert (watched["Period"], watched["EvaluationPeriods"], watched["Threshold"]) == (60, 1, 0)
        assert (watched["Statistic"], watched["ComparisonOperator"]) == ("Sum", "GreaterThanThreshold")
        assert watched["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert len(written) == 2


def test_a_single_killed_invocation_is_no_backlog(changed: Package) -> None:
    threshold = changed.properties("QueueAgeAlarm")["Threshold"]

    assert threshold == changed.properties("UploadsQueue")["VisibilityTimeout"] + 900 == 2703


def test_alarms_reach_an_address_only_where_one_is_given(default: Package, changed: Package) -> None:
    assert default.properties("AlarmTopic")["Subscription"] == {"Ref": "AWS::NoValue"}
    assert changed.properties("AlarmTopic")["Subscription"] == [
        {"Protocol": "email", "Endpoint": "on-call@example.com"}
    ]


def test_the_function_is_told_where_everything_is(default: Package) -> None:
    told = default.environment

    assert told["UPLOADS_BUCKET"] == default.properties("UploadsBucket")["BucketName"]
    assert told["VARIANTS_BUCKET"] == default.properties("VariantsBucket")["BucketName"]
    assert told["IMAGES_TABLE"] == default.properties("ImagesTable")["TableName"]
    assert told["QUEUE_URL"] == {"Ref": "UploadsQueue"}


def test_glibc_keeps_the_memory_of_one_picture_for_the_next(default: Package) -> None:
    settings = {name: value for name, value in default.environment.items() if name.startswith("MALLOC_")}

    assert settings == {
        "MALLOC_MMAP_THRESHOLD_": str(LARGEST_MMAP_THRESHOLD),
        "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
        "MALLOC_TOP_PAD_": str(16 * 2**20),
    }


def test_glibc_2_34_accepts_every_mmap_threshold_in_the_project() -> None:
    """It refuses more, and as the trim threshold switches the dynamic one off, 128 KB
    would stay, and every buffer of pixels be mapped and cleared anew: 1.23 to 1.30 times the CPU an image."""
    assert int(malloc_settings()["MALLOC_MMAP_THRESHOLD_"]) <= LARGEST_MMAP_THRESHOLD
    others = [
        path.name
        for folder in ("api", "bench", "handlers", "ops", "processing", "resources")
        for path in (PROJECT / folder).rglob("*")
        if path.suffix in (".py", ".yml", ".cjs", ".mjs") and "MALLOC_MMAP_THRESHOLD_" in path.read_text("utf-8")
    ]
    assert others == [], "serverless.yml alone sets it"


def test_the_log_level_follows_its_parameter(default: Package, changed: Package) -> None:
    assert (default.environment["LOG_LEVEL"], changed.environment["LOG_LEVEL"]) == ("INFO", "DEBUG")


def test_the_stack_says_where_everything_is(default: Package) -> None:
    outputs = {name: output["Value"] for name, output in default.template["Outputs"].items()}

    for name in ("ServerlessDeploymentBucketName", "ServiceEndpoint"):
        assert outputs.pop(name)  # the framework's own
    assert re.fullmatch("[0-9a-f]{12}", outputs.pop("RecipeVersion"))
    assert outputs.pop("ParameterDefaults")
    assert outputs == {
        "UploadsBucket": {"Fn::Sub": "darkroom-dev-uploads-${AWS::AccountId}-${AWS::Region}"},
        "UploadsPrefix": "images/",
        "Ingest": "s3",
        "Switches": "pointInTimeRecovery,pollQueue",
        "Parameters": "{}",
        "VariantsBucket": {"Fn::Sub": "darkroom-dev-variants-${AWS::AccountId}-${AWS::Region}"},
        "ImagesTable": {"Ref": "ImagesTable"},
        "UploadsQueueUrl": {"Ref": "UploadsQueue"},
        "UploadsDlqUrl": {"Ref": "UploadsDlq"},
        "ConsumerFunction": {"Ref": "ConsumerLambdaFunction"},
        "ApiFunction": {"Ref": "ApiLambdaFunction"},
        "ApiUrl": {"Fn::Sub": "https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev"},
        "AlarmTopic": {"Ref": "AlarmTopic"},
        "OperatorPolicyArn": {"Ref": "OperatorPolicy"},
    }
