"""What an operator may do: each action and each resource of the managed policy in the packaged template, exactly."""

import json

from tests.service.packaged_service import Package
from tests.service.test_access import IMAGES_TABLE, att, bucket, listed, policy

UPLOADS = bucket("uploads", "images/")
DOCTORS = bucket("uploads", "images/_doctor/")
VARIANTS = bucket("variants", "")
MAPPING = {
    "Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:event-source-mapping:"
    "${ConsumerEventSourceMappingSQSUploadsQueue}"
}
LARGEST = 6144  # characters of a managed policy, without white space


def test_an_operator_may_do_exactly_what_the_commands_do(default: Package) -> None:
    granted = {
        each["Sid"]: (listed(each["Action"]), listed(each["Resource"])) for each in policy(default, "OperatorPolicy")
    }

    assert granted == {
        "FindTheStage": (["cloudformation:DescribeStacks"], [{"Ref": "AWS::StackId"}]),
        "ListObjects": (["s3:ListBucket"], [bucket("uploads"), bucket("variants")]),
        "ReadObjects": (["s3:GetObject"], [UPLOADS, VARIANTS]),
        "Upload": (["s3:PutObject", "s3:AbortMultipartUpload"], [UPLOADS]),
        "RemoveOrphans": (["s3:DeleteObject"], [VARIANTS]),
        "RemoveTheDoctorsPictures": (["s3:DeleteObject"], [DOCTORS]),
        "SeeTheNotification": (["s3:GetBucketNotification"], [bucket("uploads")]),
        "SeeWhomAlarmsReach": (["sns:ListSubscriptionsByTopic"], [{"Ref": "AlarmTopic"}]),
        "ReadTheConsumersLog": (["logs:FilterLogEvents"], [att("ConsumerLogGroup")]),
        "ReadTheLedger": (["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"], [IMAGES_TABLE]),
        "KeepTheHistory": (["dynamodb:PutItem"], [IMAGES_TABLE]),
        "SendToTheQueues": (["sqs:GetQueueAttributes", "sqs:SendMessage"], [att("UploadsQueue"), att("UploadsDlq")]),
        "TakeDeadLetters": (
            ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
            [att("UploadsDlq")],
        ),
        "HaveSqsMoveDeadLetters": (
            ["sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:CancelMessageMoveTask"],
            [att("UploadsDlq")],
        ),
        "SeeWhatIsDeployed": (["lambda:GetFunctionConfiguration"], [att("ConsumerLambdaFunction")]),
        "PauseAndResume": (["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"], [MAPPING]),
        "WhatKnowsNoResources": (
            [
                *("lambda:ListEventSourceMappings", "lambda:GetAccountSettings"),
                *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "cloudwatch:DescribeAlarms"),
            ],
            ["*"],
        ),
    }


def test_an_operator_writes_the_history_of_redrives_and_no_record_of_an_image(default: Package) -> None:
    (writing,) = (each for each in policy(default, "OperatorPolicy") if each["Action"] == "dynamodb:PutItem")

    assert writing["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#redrives"]}}


def test_an_operator_reads_uploads_below_the_prefix_only(changed: Package) -> None:
    resources = [each for one in policy(changed, "OperatorPolicy") for each in listed(one["Resource"])]

    assert {"Fn::Sub": "arn:${AWS::Partition}:s3:::holiday-originals/incoming/raw/*"} in resources
    assert {"Fn::Sub": "arn:${AWS::Partition}:s3:::holiday-originals/*"} not in resources


def test_the_policy_has_a_name_of_its_own_in_each_region_and_an_output(default: Package) -> None:
    properties = default.properties("OperatorPolicy")

    assert properties["ManagedPolicyName"] == {"Fn::Sub": "darkroom-dev-operator-${AWS::Region}"}
    assert default.template["Outputs"]["OperatorPolicyArn"]["Value"] == {"Ref": "OperatorPolicy"}
    assert not properties.keys() & {"Users", "Groups", "Roles"}  # nobody has it until somebody attaches it


def test_the_policy_is_not_too_long_for_iam(default: Package) -> None:
    document = json.dumps(default.properties("OperatorPolicy")["PolicyDocument"], separators=(",", ":"))

    assert len(document) < 0.7 * LARGEST  # the references become longer names
