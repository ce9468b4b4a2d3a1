"""The IAM actions of each command, in ops.build.permissions, the operator's policy and the docs: no less, no more."""

import dataclasses
import json
import time
import uuid

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from ops.build import permissions
from ops.build.permissions import COMMANDS, ERASING, NEEDS, PAGE, WITHOUT, all_needs, main, page
from ops.cli import stage as stages
from ops.cli.backfill.sending import notification
from ops.cli.backfill.sources import ListedObject
from ops.cli.dlq.messages import HeldMessages
from ops.cli.doctor.checkup import RESERVED
from ops.cli.main import make_app
from ops.local.stream_mapping import given_up
from processing.ledger import Reason, Version
from processing.ledger.item import attributes, image_attributes, reason_attributes
from tests.builders import finished, recipe
from tests.ops.cli.embedded import jpeg, put, use, wait_until
from tests.service.access.actions import actions_of

UNSEEN = {
    "s3:AbortMultipartUpload uploads": "only when a transfer in parts fails",
    "sqs:CancelMessageMoveTask dlq": "only when a move is interrupted",
    "lambda:GetFunction consumer": "only where the stage's recipe is not the checkout's",
    **{
        f"s3:GetObject{name} {bucket}": "only in a bucket with Object Lock"
        for name in ("Retention", "LegalHold")
        for bucket in ("uploads", "variants")
    },
}
"""What no run here calls, and when it is called."""


class Place:
    """A stage of which nothing but the table and the function is shared, and what was asked of AWS there."""

    def __init__(self, stack, monkeypatch):
        self.asked = set()
        self.stack = stack
        name = f"place-{uuid.uuid4().hex[:12]}"
        use(monkeypatch, stack)
        dlq = self._queue(f"{name}-dlq")
        self.real = stages.find("local")
        self.stage = dataclasses.replace(
            self.real,
            uploads_bucket=self._bucket(f"{name}-uploads"),
            variants_bucket=self._bucket(f"{name}-variants"),
            queue_url=self._queue(name, RedrivePolicy=json.dumps(self._policy(dlq))),
            dlq_url=dlq,
            events_dlq_url=self._queue(f"{name}-events-dlq"),
            client=stack.client,
        )
        self._record(monkeypatch)

    def _bucket(self, name):
        where = {"LocationConstraint": self.stack.region}
        self.stack.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return name

    def _queue(self, name, **attributes):
        return self.stack.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def _policy(self, dlq):
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])
        return {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": 5}

    def _record(self, monkeypatch):
        """Have every client that a command makes tell what it is asked."""
        clients, find, recording = stages.connect, stages.find, set()

        def recorded(*names):
            made = clients(*names)

            def client(service):
                found = made(service)
                if service not in recording:
                    recording.add(service)
                    found.meta.events.register("provide-client-params", self._note)
                return found

            recording.clear()
            return client

        def found(*names):
            there = find(*names)
            return dataclasses.replace(self.stage, client=there.client)

        monkeypatch.setattr(stages, "connect", recorded)
        monkeypatch.setattr(stages, "find", found)

    def _note(self, params, model, **_):
        actions = actions_of(model.service_model.service_id, model.name, params)
        is_own = model.name == "DeleteObject" and params["Key"].startswith(f"{self.stage.uploads_prefix}{RESERVED}")
        resource = "reserved" if is_own else self._resource(params)
        self.asked |= {action.format(resource) for action in actions}

    def _resource(self, params):
        known = {
            self.stage.uploads_bucket: "uploads",
            self.stage.variants_bucket: "variants",
            self.stage.queue_url: "queue",
            self.stage.dlq_url: "dlq",
            self.stage.dlq_url.rsplit("/", 1)[1]: "dlq",
            self.stage.events_dlq_url: "events-dlq",
            self.stage.images_table: "table",
            self.stage.consumer: "consumer",
        }
        if "Entries" in params and "EventBusName" in params["Entries"][0]:
            return "bus"
        if "StackName" in params:
            return "stack"
        if "UUID" in params:
            return "mapping"
        if "TopicArn" in params:
            return "topic"
        if "logGroupName" in params:
            return "logs"
        if "RequestItems" in params:
            return known[next(iter(params["RequestItems"]))]
        if "SourceArn" in params:
            return known[params["SourceArn"].rsplit(":", 1)[1]]
        named = [params[name] for name in ("Bucket", "QueueUrl", "TableName", "FunctionName") if name in params]
        return known[named[0]] if named else "any"

    def set_aside(self):
        """A message of Lambda's in the announcer's dead-letter queue, and one of somebody else, which is put back."""
        change = {"SequenceNumber": "1", "ApproximateCreationDateTime": time.time()}
        record = {"eventSourceARN": "arn", "dynamodb": change}
        body = given_up([record], function_arn="arn", why="RecordAgeExceeded", attempts=1, shard="s")
        for each in (body, "{}"):
            self.stack.client("sqs").send_message(QueueUrl=self.stage.events_dlq_url, MessageBody=each)

    def run(self, *arguments, stdin=None, expected=(0,)):
        result = CliRunner().invoke(make_app(), [*arguments, "--stage", "local"], input=stdin)
        assert result.exit_code in expected, (arguments, result.output, result.exception)
        return result

    def letter(self):
        """A dead letter of an upload that is there."""
        key = f"{self.stage.uploads_prefix}{uuid.uuid4().hex}.jpg"
        etag = put(self.stage, key, jpeg())
        text = notification(
            ListedObject(key, "", etag), bucket=self.stage.uploads_bucket, region=self.stage.region, author="test"
        )
        self.stack.client("sqs").send_message(QueueUrl=self.stage.dlq_url, MessageBody=text)
        return key


@pytest.fixture
def place(stack, monkeypatch):
    return Place(stack, monkeypatch)


def upload(place, tmp_path, *options):
    photo, large = tmp_path / "photo.jpg", tmp_path / "large.jpg"
    large.write_bytes(bytes(33 * 2**20))
    for shift in range(2):  # the second is as long, and another
        photo.write_bytes(jpeg(shift).ljust(5000, b"\0"))
        place.run("upload", str(photo), str(large), "--all", *options, expected=(0, 1))


def backfill(place, _tmp_path, *options):
    key = f"{place.stage.uploads_prefix}a.jpg"
    put(place.stage, key, jpeg())
    place.run("backfill", *options)
    if "--dry-run" not in options:
        place.run("backfill", "-", *options, stdin=f"{key}\n")


def audit(place, _tmp_path, *options):
    put(place.stage, f"{place.stage.uploads_prefix}a.jpg", jpeg())
    place.stack.client("s3").put_object(Bucket=place.stage.variants_bucket, Key="phone/b.jpg", Body=b"x")
    place.run("audit", *options, expected=(0, 1))


def audit_and_repair(place, tmp_path):
    for options in ((), ("--delete-orphans",)):
        audit(place, tmp_path, "--repair", *options)


def replay_object(place, _tmp_path, *options):
    key = f"{place.stage.uploads_prefix}a.jpg"
    put(place.stage, key, jpeg())
    place.run("replay", key, *options)


def one_id(place):
    return json.loads(place.run("dlq", "list", "--json").stdout)["messages"][0]["id"]


def of_one_letter(*command):
    """A command on the id of a dead letter."""

    def scenario(place, _tmp_path):
        place.letter()
        name = wait_until(lambda: one_id(place))
        place.asked.clear()
        place.run(*(name if word == "ID" else word for word in command))

    return scenario


def dlq(*command):
    def scenario(place, _tmp_path):
        place.letter()
        place.run("dlq", *command)

    return scenario


def of_one_of_two(*command):
    """A command on the letters of one object, where there is another."""

    def scenario(place, tmp_path):
        place.letter()
        key = place.letter()
        place.run("dlq", *(str(tmp_path / word) if word == "FILE" else word for word in command), "--where", key)

    return scenario


def imported(*options):
    def scenario(place, tmp_path):
        place.letter()
        file = tmp_path / "letters.jsonl"
        place.run("dlq", "export", "--out", str(file))
        place.asked.clear()
        place.run("dlq", "import", str(file), *options)

    return scenario


def on_the_queue_with_a_mapping(*commands):
    def scenario(place, _tmp_path):
        place.stage = dataclasses.replace(place.stage, queue_url=place.real.queue_url)
        for command in commands:
            place.run(command)

    return scenario


def dlq_show(place, _tmp_path):
    """Of a bug, whose traceback is in the log."""
    key = place.letter()
    etag = place.stack.client("s3").head_object(Bucket=place.stage.uploads_bucket, Key=key)["ETag"].strip('"')
    bug = reason_attributes(Reason("KeyError", "x", "ab12cd34", request_id="r-1"))
    item = Version(place.stage.uploads_bucket, key, etag).item_key | attributes({"status": "FAILED"}) | bug
    place.stack.client("dynamodb").put_item(TableName=place.stage.images_table, Item=item)
    name = wait_until(lambda: one_id(place))
    place.asked.clear()
    place.run("dlq", "show", name)


def logs(place, _tmp_path):
    place.run("logs", f"{place.stage.uploads_prefix}a.jpg", expected=(0, 1))


def show(place, _tmp_path):
    key = f"{place.stage.uploads_prefix}a.jpg"
    etag = put(place.stage, key, jpeg())
    version = Version(place.stage.uploads_bucket, key, etag)
    image = image_attributes(finished(recipe("phone"), key), version)
    item = version.item_key | attributes({"status": "DONE", "updated_at": int(time.time())}) | image
    place.stack.client("dynamodb").put_item(TableName=place.stage.images_table, Item=item)
    place.run("show", key)


def doctor(place, _tmp_path):
    """On the running stage, whose consumer makes variants; another dead letter is put back."""
    place.stage = place.real
    key = place.letter()
    place.run("doctor")
    with HeldMessages(place.stack.client("sqs"), place.stage.dlq_url) as held:
        (other,) = (each for each in held.read() if key.rpartition("/")[2] in each.body)
        held.delete([other])


def erase(place, _tmp_path):
    """An image in a bucket that has locks, its dead letter and another; and one that could have the same variant."""
    s3, name = place.stack.client("s3"), f"{place.stage.uploads_bucket}-locks"
    where = {"LocationConstraint": place.stack.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    place.stage = dataclasses.replace(place.stage, uploads_bucket=name)
    place.letter()
    key = place.letter()
    variant = f"phone/{key.removeprefix(place.stage.uploads_prefix)}.webp"
    put(place.stage, f"{key}.webp", jpeg())
    s3.create_multipart_upload(Bucket=name, Key=key)
    s3.put_object(Bucket=place.stage.variants_bucket, Key=variant, Body=b"x")
    versioned = {"Bucket": place.stage.variants_bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    s3.put_bucket_versioning(**versioned)
    s3.put_object(Bucket=place.stage.variants_bucket, Key=variant, Body=b"x")
    place.run("erase", key, "--yes", "1")
    place.run("erase", "--pending")


def with_options(scenario, *options):
    return lambda place, tmp_path: scenario(place, tmp_path, *options)


def priced(place, tmp_path):
    place.stage = dataclasses.replace(place.stage, queue_url=place.real.queue_url)
    backfill(place, tmp_path, "--dry-run")


def announce(place, _tmp_path, *options):
    """Of an image that is done in this test alone."""
    show(place, _tmp_path)
    place.asked.clear()
    place.set_aside()
    place.run("announce", *options or (place.stage.uploads_prefix,))


SWITCHED = on_the_queue_with_a_mapping("pause", "resume")  # which ask the same
SCENARIOS = {
    "upload": upload,
    "upload --wait": with_options(upload, "--wait", "--timeout", "1"),
    "doctor": doctor,
    "status": on_the_queue_with_a_mapping("status"),
    "status --parameters": with_options(
        lambda place, _tmp_path, *options: place.run("status", *options), "--parameters"
    ),
    "show": show,
    "logs": logs,
    "pause": SWITCHED,
    "resume": SWITCHED,
    "backfill --dry-run": priced,
    "backfill": backfill,
    "backfill --missing": with_options(backfill, "--missing"),
    "audit": audit,
    "audit --repair": audit_and_repair,
    "announce": announce,
    "announce --lost": with_options(announce, "--lost"),
    "erase": erase,
    "replay OBJECT": replay_object,
    "replay ID": of_one_letter("replay", "ID"),
    "replay --sandbox": with_options(replay_object, "--sandbox"),
    "estimate --stage": on_the_queue_with_a_mapping("estimate"),
    "dlq groups": dlq("groups"),
    "dlq list": dlq("list"),
    "dlq show": dlq_show,
    "dlq redrive": of_one_of_two("redrive"),
    "dlq redrive --native": dlq("redrive", "--all", "--native"),
    "dlq history": dlq("history"),
    "dlq export": dlq("export"),
    "dlq import": imported(),
    "dlq import --to-queue": imported("--to-queue"),
    "dlq purge": of_one_of_two("purge", "--out", "FILE", "--yes", "1"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_calls_what_it_is_said_to_need_and_nothing_else(place, tmp_path, monkeypatch, command):
    monkeypatch.setattr("ops.cli.audit.judge.NOTIFIED", 0)

    SCENARIOS[command](place, tmp_path)

    needs = set(COMMANDS[command])
    assert place.asked | (needs & UNSEEN.keys()) == needs


def test_what_no_run_calls_is_needed_by_some_command():
    assert all_needs(COMMANDS) >= UNSEEN.keys()


@pytest.mark.parametrize(("output", "commands"), [("OperatorPolicyArn", NEEDS), ("EraserPolicyArn", ERASING)])
def test_the_policies_of_the_deployed_stack_grant_what_the_commands_need_and_nothing_else(stack, output, commands):
    granted = set()
    for statement in deployed_policy(stack, output)["Statement"]:
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        granted |= {f"{action} {resource_of(stack, resource)}" for action in actions for resource in resources}

    assert granted - needless() == all_needs(commands)


def needless():
    """What stands in one statement with what is needed: SQS's attributes and sends are granted on both queues alike."""
    return {"sqs:GetQueueAttributes queue", "sqs:SendMessage dlq"} - all_needs()


def deployed_policy(stack, output="OperatorPolicyArn"):
    iam, arn = stack.client("iam"), stack.outputs[output]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def resource_of(stack, arn):
    outputs = stack.outputs
    names = {
        f"arn:aws:s3:::{outputs['UploadsBucket']}": "uploads",
        f"arn:aws:s3:::{outputs['UploadsBucket']}/{outputs['UploadsPrefix']}*": "uploads",
        f"arn:aws:s3:::{outputs['UploadsBucket']}/{outputs['UploadsPrefix']}{RESERVED}*": "reserved",
        outputs["AlarmTopic"]: "topic",
        f"arn:aws:events:{stack.region}:123456789012:event-bus/{outputs['EventBus']}": "bus",
        f"arn:aws:s3:::{outputs['VariantsBucket']}": "variants",
        f"arn:aws:s3:::{outputs['VariantsBucket']}/*": "variants",
    }
    last = {
        outputs["UploadsQueueUrl"].rsplit("/", 1)[1]: "queue",
        outputs["UploadsDlqUrl"].rsplit("/", 1)[1]: "dlq",
        outputs["EventsDlqUrl"].rsplit("/", 1)[1]: "events-dlq",
        outputs["ImagesTable"]: "table",
        outputs["ConsumerFunction"]: "consumer",
    }
    if arn.startswith("arn:aws:cloudformation:"):
        return "stack"
    if ":event-source-mapping:" in arn:
        return "mapping" if "${" not in arn else arn
    if arn == "*":
        return "any"
    if arn.startswith("arn:aws:logs:"):
        functions = {outputs[f"{name}Function"] for name in ("Consumer", "Announcer", "Eraser")}
        functions.add(outputs["ConsumerFunction"].replace("-consumer", "-api"))
        assert arn.removesuffix(":*").rpartition(":/aws/lambda/")[2] in functions
        return "logs"
    return names.get(arn) or last[arn.rsplit(":", 1)[1].removeprefix("table/")]


def listed(value):
    return value if isinstance(value, list) else [value]


def test_every_command_says_what_it_needs():
    group = get_command(make_app())
    assert isinstance(group, TyperGroup)
    names = {
        f"{name} {below}".strip()
        for name, command in group.commands.items()
        for below in getattr(command, "commands", {"": None})
    }

    assert names == {command_of(name) for name in COMMANDS} | set(WITHOUT)


def command_of(name):
    return " ".join(word for word in name.split() if word.islower() and not word.startswith("-"))


def test_the_docs_say_what_each_command_needs():
    text = PAGE.read_text(encoding="utf-8")

    assert page(text) == text, f"run {permissions.REGENERATE}"


def test_a_wrong_word_is_refused():
    assert main(["--wrong"]) == 2
