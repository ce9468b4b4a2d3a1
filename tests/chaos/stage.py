"""What a chaos run is played on: buckets, a table with its stream, and queues on the emulator, used past the proxy."""

import json
from pathlib import Path
from typing import Any

import boto3

from ops.local.emulator import ACCOUNT, Emulator
from tests.builders import created_body, removed_body
from tests.chaos.uploads import Upload

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (Path(boto3.__file__).parents[1],)
REGION = "eu-west-1"
VARIANTS_BUCKET = "variants"
TIMEOUT = 12  # of the function, in seconds
TRY = 2
LEASE = 15
VISIBILITY = 30  # longer than what is left of a lease that the messages of a killed batch wait for
RECEIVES = 5


class Stage:
    """Buckets, table and queues, made by API and used past the proxy."""

    def __init__(self, emulator: Emulator) -> None:
        self._client = emulator.client
        self.s3 = emulator.client("s3")
        self.sqs = emulator.client("sqs")
        self.dynamodb = emulator.client("dynamodb")
        for bucket in ("uploads", VARIANTS_BUCKET):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        table = self.dynamodb.create_table(
            TableName="images",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
        )
        self.stream_arn = str(table["TableDescription"]["LatestStreamArn"])
        self.dlq = self.sqs.create_queue(QueueName="uploads-dlq")["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:uploads-dlq",
            "maxReceiveCount": str(RECEIVES),
        }
        attributes = {"VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": json.dumps(redrive)}
        self.queue = self.sqs.create_queue(QueueName="uploads", Attributes=attributes)["QueueUrl"]

    def environment(self) -> dict[str, str]:
        """The consumer's, as the deployed function has it."""
        return {
            "UPLOADS_BUCKET": "uploads",
            "UPLOADS_PREFIX": "images/",
            "VARIANTS_BUCKET": VARIANTS_BUCKET,
            "IMAGES_TABLE": "images",
            "QUEUE_URL": self.queue,
            "MAX_RECEIVE_COUNT": str(RECEIVES),
            "FUNCTION_TIMEOUT": str(TIMEOUT),
            "TRY_SECONDS": str(TRY),
            "LEASE_SECONDS": str(LEASE),
            "REMOVALS": "true",
            "CODE_VERSION": "chaoschaos00",
        }

    def put(self, upload: Upload, version: bytes | None) -> str:
        """Put or remove a version; returns the event's body."""
        if version is None:
            self.s3.delete_object(Bucket="uploads", Key=upload.key)
            return removed_body(upload.key)
        answer = self.s3.put_object(Bucket="uploads", Key=upload.key, Body=version)
        upload.etags.append(answer["ETag"].strip('"'))
        return created_body(upload.key, upload.etags[-1])

    def send(self, bodies: list[str]) -> None:
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
            assert not answer.get("Failed")

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead(self) -> list[Any]:
        """The dead letters; they stay where they are."""
        seen = self.messages(self.dlq)
        for message in seen:
            self.sqs.change_message_visibility(
                QueueUrl=self.dlq, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return seen

    def messages(self, queue_url: str) -> list[Any]:
        """All that a queue can deliver now; nothing of it is visible for ten minutes."""
        seen: list[Any] = []
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=0
            )
            if not answer.get("Messages"):
                return seen
            seen += answer["Messages"]

    def bury(self, messages: list[Any]) -> None:
        """Take dead letters out of their queue."""
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.dlq, ReceiptHandle=message["ReceiptHandle"])

    def shown(self) -> dict[str, str]:
        """The version that each variant is of, by the variant's key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=VARIANTS_BUCKET)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: self.s3.head_object(Bucket=VARIANTS_BUCKET, Key=key)["Metadata"]["source-etag"] for key in keys}

    def variant(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=VARIANTS_BUCKET, Key=key)["Body"].read()
        return body

    def items(self) -> list[Any]:
        """Every item of the images table, in DynamoDB's JSON."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName="images")
        return [item for page in pages for item in page["Items"]]

    def changes(self) -> list[Any]:
        """Every change of the images table, as its stream has it."""
        streams, seen = self._client("dynamodbstreams"), list[Any]()
        (shard,) = streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]["Shards"]
        place = {"StreamArn": self.stream_arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        at = streams.get_shard_iterator(**place)["ShardIterator"]
        while (answer := streams.get_records(ShardIterator=at))["Records"]:
            seen += answer["Records"]
            at = answer["NextShardIterator"]
        return seen
