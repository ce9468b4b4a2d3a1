"""What moto leaves out of a template is read from the template and applied."""

import json
import uuid
from types import SimpleNamespace

import pytest

from ops.errors import StackError
from ops.local.emulator import ACCOUNT
from ops.local.template import Template, apply, let_in
from tests.ops.local.conftest import REGION


def build_template(name):
    """The resources that matter, as the framework packages them."""
    return {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DependsOn": "Policy",
                "Properties": {
                    "BucketName": {"Fn::Sub": name + "-${AWS::AccountId}"},
                    "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": True,
                        "BlockPublicPolicy": True,
                        "IgnorePublicAcls": True,
                        "RestrictPublicBuckets": True,
                    },
                    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                    "VersioningConfiguration": {"Status": "Enabled"},
                    "CorsConfiguration": {
                        "CorsRules": [
                            {
                                "AllowedOrigins": ["https://photos.example.com"],
                                "AllowedMethods": ["POST"],
                                "AllowedHeaders": ["*"],
                                "MaxAge": 3600,
                            }
                        ]
                    },
                    "NotificationConfiguration": {
                        "QueueConfigurations": [
                            {
                                "Event": "s3:ObjectCreated:*",
                                "Queue": {"Fn::GetAtt": ["Queue", "Arn"]},
                                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "images/"}]}},
                            }
                        ]
                    },
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-queue"}},
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [{"Ref": "Queue"}],
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "s3.amazonaws.com"},
                                "Action": "sqs:SendMessage",
                                "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                                "Condition": {
                                    "ArnEquals": {
                                        "aws:SourceArn": {
                                            "Fn::Join": ["", ["arn:aws:s3:::", name, "-", {"Ref": "AWS::AccountId"}]]
                                        }
                                    }
                                },
                            }
                        ],
                    },
                },
            },
            "BucketPolicy": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": {"Ref": "Bucket"},
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Action": "s3:*",
                                "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                                "Condition": {"Bool": {"aws:SecureTransport": False}},
                            }
                        ],
                    },
                },
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": f"{name}-alarm",
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateNumberOfMessagesVisible",
                    "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}],
                    "Statistic": "Maximum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 0,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            },
        }
    }


def deploy(emulator, name, content):
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(content))
    deployed = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in deployed
        if resource.get("PhysicalResourceId")
    }
    return Template(content, physical, account=ACCOUNT, region=REGION)


@pytest.fixture
def name():
    return f"apply-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def applied(emulator, name):
    template = deploy(emulator, name, build_template(name))
    apply(template, emulator.client)
    return template.physical


def test_moto_still_leaves_these_resources_out(emulator, name):
    template = deploy(emulator, name, build_template(name))

    assert set(template.missing()) == {"BucketPolicy", "Alarm"}


def test_an_upload_below_the_prefix_reaches_the_queue(emulator, applied):
    sqs, s3 = emulator.client("sqs"), emulator.client("s3")
    for key in ("other/cat.jpg", "images/cat.jpg"):
        s3.put_object(Bucket=applied["Bucket"], Key=key, Body=b"x")

    received = sqs.receive_message(QueueUrl=applied["Queue"], MaxNumberOfMessages=10)["Messages"]

    told = [json.loads(message["Body"]) for message in received]
    assert [body.get("Event") or body["Records"][0]["s3"]["object"]["key"] for body in told] == [
        "s3:TestEvent",
        "images%2Fcat.jpg",
    ]


def test_the_bucket_is_closed_to_the_public(emulator, applied):
    s3 = emulator.client("s3")

    answer = s3.get_public_access_block(Bucket=applied["Bucket"])["PublicAccessBlockConfiguration"]
    owner = s3.get_bucket_ownership_controls(Bucket=applied["Bucket"])["OwnershipControls"]

    assert set(answer.values()) == {True}
    assert owner == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_bucket_keeps_versions_where_the_template_says_so(emulator, applied):
    assert emulator.client("s3").get_bucket_versioning(Bucket=applied["Bucket"])["Status"] == "Enabled"


def test_pages_of_the_templates_origins_may_post_and_then_those_of_others(emulator, applied):
    s3, bucket = emulator.client("s3"), applied["Bucket"]
    (rule,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    for _ in range(2):
        let_in(s3, bucket, ["http://127.0.0.1:4000"])
    (changed,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]

    assert (rule["AllowedMethods"], rule["MaxAgeSeconds"]) == (["POST"], 3600)
    assert rule["AllowedOrigins"] == ["https://photos.example.com"]
    assert changed == {**rule, "AllowedOrigins": ["https://photos.example.com", "http://127.0.0.1:4000"]}


def test_the_queue_has_its_policy_with_every_name_resolved(emulator, applied, name):
    answer = emulator.client("sqs").get_queue_attributes(QueueUrl=applied["Queue"], AttributeNames=["Policy"])

    (statement,) = json.loads(answer["Attributes"]["Policy"])["Statement"]
    assert statement["Resource"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-queue"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{name}-{ACCOUNT}"}}


def test_the_alarm_watches_the_queue(emulator, applied, name):
    (alarm,) = emulator.client("cloudwatch").describe_alarms(AlarmNames=[f"{name}-alarm"])["MetricAlarms"]

    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{name}-queue"}]


def test_a_function_is_told_the_id_of_the_key_that_moto_leaves_out():
    variables = {"OPERATORS": {"Fn::Join": [",", [{"Ref": "Key"}]]}, "MEMORY": 512}
    content = {
        "Resources": {
            "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {}},
            "Api": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}},
        }
    }
    told = []
    client = SimpleNamespace(
        get_function_configuration=lambda **_: {"Environment": {"Variables": {"OPERATORS": "None", "MEMORY": "512"}}},
        update_function_configuration=lambda **update: told.append(update),
    )

    apply(Template(content, {"Api": "the-api"}, account=ACCOUNT, region=REGION), lambda _service: client)

    wanted = {"OPERATORS": "local", "MEMORY": "512"}
    assert told == [{"FunctionName": "the-api", "Environment": {"Variables": wanted}}]


def test_a_resource_that_moto_left_out_and_nobody_decided_about_is_refused(emulator, name):
    content = build_template(name)
    content["Resources"]["Trail"] = {"Type": "AWS::CloudTrail::Trail", "Properties": {"IsLogging": True}}
    template = Template(content, {"Bucket": "b", "Queue": "q"}, account=ACCOUNT, region=REGION)

    with pytest.raises(StackError, match=r"Trail \(AWS::CloudTrail::Trail\)"):
        apply(template, emulator.client)


def test_a_resource_under_a_condition_may_be_absent():
    content = {"Resources": {"Trail": {"Type": "AWS::CloudTrail::Trail", "Condition": "WithTrail"}}}

    assert Template(content, {}, account=ACCOUNT, region=REGION).missing() == {}


@pytest.mark.parametrize(
    "value",
    [{"Fn::ImportValue": "x"}, {"Ref": "Nothing"}, {"Fn::GetAtt": ["Queue", "Color"]}, {"Fn::Sub": "${Nothing.Arn}"}],
    ids=["a function", "a name", "an attribute", "a name in a string"],
)
def test_what_cannot_be_resolved_is_refused(value):
    template = Template(build_template("x"), {"Queue": "q"}, account=ACCOUNT, region=REGION)

    with pytest.raises(StackError, match="local stack"):
        template.resolve(value)


def test_a_dollar_that_is_escaped_stays():
    assert Template({}, {}, account=ACCOUNT, region=REGION).resolve({"Fn::Sub": "${!Literal}"}) == "${Literal}"


def test_what_stands_for_the_place_itself_is_resolved():
    template = Template({}, {}, account=ACCOUNT, region=REGION)
    where = {"Fn::Sub": "${AWS::Partition} ${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix}"}

    assert template.resolve(where) == f"aws {REGION} {ACCOUNT} amazonaws.com"
