"""A stage without a consumer, on an emulator of its own: what is uploaded stays in the queue and can be counted."""

import json
from collections import Counter
from contextlib import contextmanager
from typing import Any

from ops.cli.stage import Stage
from ops.local.emulator import Emulator
from processing.events import parse

PREFIX = "images/"
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "bare-uploads"}},
        "Variants": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "bare-variants"}},
        "Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "bare-dlq"}},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": "bare-uploads",
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dlq", "Arn"]}, "maxReceiveCount": 5},
            },
        },
        "Images": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "bare-images",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "object", "AttributeType": "S"},
                    {"AttributeName": "etag", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "object", "KeyType": "HASH"},
                    {"AttributeName": "etag", "KeyType": "RANGE"},
                ],
            },
        },
    },
    "Outputs": {
        "UploadsBucket": {"Value": {"Ref": "Uploads"}},
        "UploadsPrefix": {"Value": PREFIX},
        "VariantsBucket": {"Value": {"Ref": "Variants"}},
        "ImagesTable": {"Value": {"Ref": "Images"}},
        "UploadsQueueUrl": {"Value": {"Ref": "Queue"}},
        "UploadsDlqUrl": {"Value": {"Ref": "Dlq"}},
        "ConsumerFunction": {"Value": "bare-consumer"},
    },
}


@contextmanager
def bare_stage(log_dir):
    """The stage "local" of an emulator that runs as long as the block; and the emulator."""
    emulator = Emulator(region="eu-west-1", log=log_dir / "emulator.log")
    emulator.start()
    try:
        cloudformation = emulator.client("cloudformation")
        cloudformation.create_stack(StackName="darkroom-local", TemplateBody=json.dumps(TEMPLATE))
        (made,) = cloudformation.describe_stacks(StackName="darkroom-local")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
        stage = Stage.of("local", "eu-west-1", outputs, emulator.client)
        notify(stage)
        yield stage, emulator
    finally:
        emulator.stop()


def notify(stage):
    """Have S3 tell the queue of every upload below the prefix, as on a real stage."""
    attributes = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["QueueArn"])
    rule = {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}
    wanted = {
        "QueueArn": attributes["Attributes"]["QueueArn"],
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": rule},
    }
    stage.client("s3").put_bucket_notification_configuration(
        Bucket=stage.uploads_bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )


def told_of(stage):
    """Take every message out of the queue: how often it tells of each key."""
    sqs, keys = stage.client("sqs"), Counter[str]()
    while messages := sqs.receive_message(QueueUrl=stage.queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            keys.update(event.key for event in parse(message["Body"]))
            sqs.delete_message(QueueUrl=stage.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return keys


def stored(stage):
    """What is in the uploads bucket: the ETag of each key."""
    pages = stage.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stage.uploads_bucket)
    return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())}
