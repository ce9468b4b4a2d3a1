"""What tests of the commands do to the embedded stack: put, wait, look, and a queue of their own where nobody works."""

import dataclasses
import functools
import io
import re
import time
import uuid
import zipfile
from pathlib import Path

from ops.cli.packaged import REQUIREMENTS, packaged_readers
from ops.cli.stage import Stage
from processing.ledger import ImagesTable, Version
from tests.corpus.pictures import scene

HEIC = Path(__file__).parents[2] / "imaging" / "golden" / "portrait.heic"


def with_requirements(folder, monkeypatch, name):
    """Without and then with a reader for HEIC in the package, as far as the command under ``name`` can see."""
    for requirement in ("", "Pi.Heif==1.4.0"):
        for file in REQUIREMENTS:
            (folder / file).write_text(f"# what is packaged\nPillow==13.0.0\n{requirement}\n")
        monkeypatch.setattr(name, functools.partial(packaged_readers, folder))
        yield


def use(monkeypatch, stack):
    """Let ``--stage local`` mean this stack, or emulator, whatever else runs on this machine."""
    for name, value in stack.environ().items():
        monkeypatch.setenv(name, value)


def stage_of(stack, **outputs):
    """The running stack as the commands see it; outputs given here stand in for its own."""
    return Stage.of("local", stack.region, stack.outputs | outputs, stack.client)


def _quiet_name():
    """A new one; never with twelve digits in a row, which the doctor takes for an account's id."""
    return f"quiet-{'-'.join(re.findall('.{8}', uuid.uuid4().hex))}"


def quiet_stage(stack):
    """The same with an uploads bucket and a queue of its own: nothing is sent by itself, and nobody takes from it."""
    name = _quiet_name()
    url = stack.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    where = {"LocationConstraint": stack.region}
    stack.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return stage_of(stack, UploadsQueueUrl=url, UploadsBucket=name)


def deploy(stage, *, memory=1769, timeout=60, architecture="x86_64", environment=None, **mapping):
    """Give a quiet stage a consumer of its own, which is never run: the stage with it, and with its mapping."""
    functions, name = stage.client("lambda"), _quiet_name()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handlers.py", "")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handlers.handler",
        Role=functions.get_function_configuration(FunctionName=stage.consumer)["Role"],
        Code={"ZipFile": archive.getvalue()},
        MemorySize=memory,
        Timeout=timeout,
        Architectures=[architecture],
        Environment={"Variables": environment or {}},
    )
    queue = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["QueueArn"])
    arn = queue["Attributes"]["QueueArn"]
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, Enabled=False, **mapping)
    return dataclasses.replace(stage, consumer=name)


def prefix_of(stage):
    """A prefix that no other test has."""
    return f"{stage.uploads_prefix}{uuid.uuid4().hex[:8]}/"


def jpeg(shift=0):
    """A small picture, another one for each shift."""
    out = io.BytesIO()
    scene((96, 64), shift=shift).save(out, "JPEG", quality=80)
    return out.getvalue()


def png(shift=0):
    """The same without losses."""
    out = io.BytesIO()
    scene((96, 64), shift=shift).save(out, "PNG")
    return out.getvalue()


def put(stage, key, body):
    """Put an object into the uploads bucket; its ETag."""
    return stage.client("s3").put_object(Bucket=stage.uploads_bucket, Key=key, Body=body)["ETag"].strip('"')


def wait_until(condition, *, seconds=60.0):
    """Look until ``condition()`` is true, and return what it was."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return result


def records(stage, versions):
    """The images table's items of (key, ETag) pairs, by key."""
    table = ImagesTable(stage.client("dynamodb"), stage.images_table)
    found = table.read(Version(stage.uploads_bucket, key, etag) for key, etag in versions)
    return {version.key: record for version, record in found.items()}


def wait_for(stage, versions, *statuses, seconds=60.0):
    """Wait until each (key, ETag) has one of the statuses; their records, by key."""

    def ended():
        found = records(stage, versions)
        return found if len(found) == len(versions) and {r.status for r in found.values()} <= set(statuses) else None

    return wait_until(ended, seconds=seconds)


def bodies_in(stage):
    """Take every message out of the stage's queue: the body and the group of each."""
    sqs, found = stage.client("sqs"), []
    while messages := sqs.receive_message(
        QueueUrl=stage.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0, AttributeNames=["MessageGroupId"]
    ).get("Messages"):
        for message in messages:
            found.append((message["Body"], message.get("Attributes", {}).get("MessageGroupId")))
            sqs.delete_message(QueueUrl=stage.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found
