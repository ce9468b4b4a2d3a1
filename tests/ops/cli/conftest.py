"""Stages without a consumer: what is sent stays, and each test has its own queues and table on one emulator."""

import io
import json
import time
import uuid
import zipfile

import pytest
from boto3.dynamodb.types import TypeSerializer
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.stage import Stage
from ops.local.emulator import Emulator
from tests.builders import s3_body, s3_record
from tests.ops.cli.signals import signals_restored

REGION = "eu-west-1"
CODE = "c0de00000001"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    emulator = Emulator(region=REGION, log=tmp_path_factory.mktemp("dlq") / "emulator.log")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def signals_as_before():
    """For a test that ends a command by a signal: after it none is heard."""
    with signals_restored():
        yield


@pytest.fixture
def place(emulator, monkeypatch):
    """A deployed stage that nobody consumes, for the commands in this process and in others."""
    for name, value in emulator.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ops.cli.dlq.messages.WAIT", 0)  # the emulator has one server, whose empty answer is final
    return Place(emulator)


class Place:
    """One stage and what a test puts into it."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.sqs, self.s3, self.dynamodb = (emulator.client(name) for name in ("sqs", "s3", "dynamodb"))
        self.outputs = {
            "UploadsBucket": f"uploads-{self.name}",
            "UploadsPrefix": "images/",
            "VariantsBucket": f"variants-{self.name}",
            "ImagesTable": f"images-{self.name}",
            "UploadsDlqUrl": self.create_queue("dlq"),
            "UploadsQueueUrl": self.create_queue("queue", dead="dlq"),
            "ConsumerFunction": f"consumer-{self.name}",
        }
        self.stage = Stage.of(self.name, REGION, self.outputs, emulator.client)
        self._make()

    def create_queue(self, name, dead=None):
        attributes = {"VisibilityTimeout": "60"}
        if dead:
            arn = f"arn:aws:sqs:{REGION}:123456789012:{dead}-{self.name}"
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        return self.sqs.create_queue(QueueName=f"{name}-{self.name}", Attributes=attributes)["QueueUrl"]

    def _make(self):
        self.s3.create_bucket(
            Bucket=self.stage.uploads_bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        keys = ("object", "HASH"), ("etag", "RANGE")
        self.dynamodb.create_table(
            TableName=self.stage.images_table,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.deploy(CODE)
        template = {
            "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
            "Outputs": {name: {"Value": value} for name, value in self.outputs.items()},
        }
        self.emulator.client("cloudformation").create_stack(
            StackName=f"darkroom-{self.name}", TemplateBody=json.dumps(template)
        )

    def deploy(self, code_version):
        """The consumer, as far as its configuration is read."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("handlers.py", "")
        role = {"RoleName": self.name, "AssumeRolePolicyDocument": "{}", "Path": "/"}
        self.emulator.client("lambda").create_function(
            FunctionName=self.stage.consumer,
            Runtime="python3.13",
            Role=self.emulator.client("iam").create_role(**role)["Role"]["Arn"],
            Handler="handlers.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"CODE_VERSION": code_version}},
        )

    def bury(self, *bodies, **attributes):
        """Put messages into the dead-letter queue; returns their ids."""
        sent = [
            self.sqs.send_message(QueueUrl=self.stage.dlq_url, MessageBody=body, MessageAttributes=attributes)
            for body in bodies
        ]
        return [answer["MessageId"] for answer in sent]

    def bury_many(self, bodies):
        """The same for thousands."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            assert not self.sqs.send_message_batch(QueueUrl=self.stage.dlq_url, Entries=entries).get("Failed")

    def body(self, key, etag="e1"):
        """A notification of this stage's bucket."""
        return s3_body(s3_record(key, etag=etag, bucket=self.stage.uploads_bucket))

    def record(self, key, etag="e1", *, status="FAILED", cause="", message="", fingerprint="", attempts=1, **others):
        """Put a record into the images table."""
        item = {
            "object": f"{self.stage.uploads_bucket}/{key}",
            "etag": etag,
            "status": status,
            "attempts": attempts,
            "code_version": CODE,
            "updated_at": int(time.time()),
        } | others
        if cause:
            item["reason"] = {"cause": cause, "message": message, "fingerprint": fingerprint, "attempt": attempts}
        self.dynamodb.put_item(
            TableName=self.stage.images_table,
            Item={name: TypeSerializer().serialize(value) for name, value in item.items()},
        )

    def dead(self, key, *, etag="e1", **record):
        """A dead message and the record of why it died; returns the message's id."""
        self.record(key, etag, **record)
        return self.bury(self.body(key, etag))[0]

    def left(self, url):
        """How many messages a queue holds that can be received, and how many that are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(counts[name]) for name in names)

    @property
    def dead_messages(self):
        return self.left(self.stage.dlq_url)

    @property
    def queued(self):
        return self.left(self.stage.queue_url)[0]

    def receive_all(self, url):
        """Every message of a queue."""
        messages = []
        while received := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600,
            AttributeNames=["All"], MessageAttributeNames=["All"],
        ).get("Messages"):  # fmt: skip
            messages += received
        return messages

    def run(self, *arguments, app=None, **options):
        """Run a dlq command in this process."""
        return CliRunner().invoke(app or make_app(), ["dlq", *arguments, "--stage", self.name], **options)

    def json(self, *arguments):
        """What a dlq command prints as JSON."""
        result = self.run(*arguments, "--json")
        assert result.stdout, result.stderr
        return json.loads(result.stdout)
