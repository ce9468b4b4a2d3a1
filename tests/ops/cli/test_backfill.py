"""``darkroom backfill`` on the embedded stack: what is in the bucket goes through the service as if it had come."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from urllib.parse import quote_plus

import pytest
from typer.testing import CliRunner

from ops.cli.backfill.sending import GROUP
from ops.cli.interruption import SIGNALS
from ops.cli.main import INTERRUPTED, make_app
from ops.cli.recipes import read_recipe
from processing.events import parse
from processing.ledger import ImagesTable, Version
from processing.ledger.item import attributes, image_attributes
from tests.builders import finished
from tests.ops.cli.embedded import (
    bodies_in,
    deploy,
    jpeg,
    prefix_of,
    put,
    quiet_stage,
    records,
    stage_of,
    use,
    wait_for,
    wait_until,
)
from tests.ops.cli.signals import signal_at


@pytest.fixture
def live(stack, monkeypatch):
    """The stack as it is, with its consumer at work."""
    use(monkeypatch, stack)
    return stage_of(stack)


@pytest.fixture
def quiet(stack, monkeypatch):
    """The stack with a queue that nobody takes from."""
    stage = deploy(quiet_stage(stack), BatchSize=10)
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    return stage


def run(*arguments, stage="local", stdin=None):
    return CliRunner().invoke(make_app(), ["backfill", *arguments, "--stage", stage], input=stdin)


def sent_to(stage):
    """The keys in the queue, and the groups they were sent under."""
    taken = bodies_in(stage)
    return sorted(parse(body)[0].key for body, _ in taken), {group for _, group in taken}


def etags_of(stage, prefix):
    answer = stage.client("s3").list_objects_v2(Bucket=stage.uploads_bucket, Prefix=prefix)
    return {entry["Key"]: entry["ETag"].strip('"') for entry in answer["Contents"]}


def test_a_finished_object_is_a_duplicate_and_nothing_is_written(live):
    prefix = prefix_of(live)
    versions = [(f"{prefix}{number}.jpg", put(live, f"{prefix}{number}.jpg", jpeg(number))) for number in range(3)]
    before = wait_for(live, versions, "DONE")
    variants = etags_and_times(live, prefix)

    result = run("--prefix", prefix, "--json")
    wait_until(lambda: empty(live))

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["sent"] == 3
    assert records(live, versions) == before  # attempts and times among the rest
    assert etags_and_times(live, prefix) == variants


def test_a_variant_that_was_removed_is_made_again(live):
    prefix = prefix_of(live)
    key = f"{prefix}cat.jpg"
    etag = put(live, key, jpeg(4))
    wait_for(live, [(key, etag)], "DONE")
    variants, s3 = etags_and_times(live, prefix), live.client("s3")
    phone = f"phone/{key.removeprefix(live.uploads_prefix)}"
    s3.delete_object(Bucket=live.variants_bucket, Key=phone)

    assert run("--prefix", prefix).exit_code == 0
    wait_until(lambda: phone in etags_and_times(live, prefix))

    assert {name: etag for name, (etag, _) in etags_and_times(live, prefix).items()} == {
        name: etag for name, (etag, _) in variants.items()
    }


def etags_and_times(stage, prefix):
    found: dict[str, tuple[str, datetime]] = {}
    below = prefix.removeprefix(stage.uploads_prefix)
    for variant in ("desktop", "tablet", "phone"):
        answer = stage.client("s3").list_objects_v2(Bucket=stage.variants_bucket, Prefix=f"{variant}/{below}")
        found |= {entry["Key"]: (entry["ETag"], entry["LastModified"]) for entry in answer.get("Contents", ())}
    return found


def empty(stage):
    answer = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["All"])
    return {value for name, value in answer["Attributes"].items() if name.startswith("ApproximateNumber")} == {"0"}


def test_objects_that_were_there_before_the_stack_are_found_by_missing_and_only_they(quiet):
    prefix = prefix_of(quiet)
    keys = [f"{prefix}{number:03}.jpg" for number in range(130)]
    for key in keys:
        put(quiet, key, key.encode())
    done = keys[::3]
    mark_done(quiet, {key: etag for key, etag in etags_of(quiet, prefix).items() if key in done})

    result = run("--prefix", prefix, "--missing", "--json")

    document = json.loads(result.stdout)
    assert (document["sent"], document["done"]) == (130 - len(done), len(done))
    assert sent_to(quiet) == (sorted(set(keys) - set(done)), {GROUP})


def mark_done(stage, etags):
    for key, etag in etags.items():
        version = Version(stage.uploads_bucket, key, etag)
        image = image_attributes(finished(read_recipe(), key), version)
        item = version.item_key | attributes({"status": "DONE"}) | image
        stage.client("dynamodb").put_item(TableName=stage.images_table, Item=item)


def test_a_dry_run_counts_and_prices_and_sends_nothing(quiet):
    prefix = prefix_of(quiet)
    for number in range(4):
        put(quiet, f"{prefix}{number}.jpg", b"x" * 250_000)

    told, document = (
        run("--prefix", prefix, "--dry-run"),
        json.loads(run("--prefix", prefix, "--dry-run", "--json").stdout),
    )

    assert told.exit_code == 0
    assert "4 objects of 1.0 MB would be sent: about" in told.stderr
    assert (document["wanted"], document["sent"], document["bytes"]) == (4, 0, 1_000_000)
    assert document["dollars"] == 0
    assert (document["requests"]["S3 PUT of variants"], document["requests"]["S3 HEAD"]) == (12, 4)
    assert sent_to(quiet) == ([], set())


def test_a_dry_run_prices_what_is_done_by_the_requests_that_find_it_done(quiet):
    prefix = prefix_of(quiet)
    for number in range(2):
        put(quiet, f"{prefix}{number}.jpg", b"x" * 250_000)
    mark_done(quiet, dict(list(etags_of(quiet, prefix).items())[:1]))

    requests = json.loads(run("--prefix", prefix, "--dry-run", "--json").stdout)["requests"]

    assert (requests["S3 PUT of variants"], requests["S3 GET"], requests["S3 HEAD"]) == (3, 1, 1 + 3)
    assert requests["DynamoDB write units"] == 2 + 1


@pytest.mark.parametrize("how", ["listed", "named", "dry run"])
def test_archived_objects_are_counted_and_not_sent(quiet, how):
    prefix = prefix_of(quiet)
    put(quiet, f"{prefix}a.jpg", b"x")
    archived = {"Bucket": quiet.uploads_bucket, "Key": f"{prefix}b.jpg", "StorageClass": "DEEP_ARCHIVE"}
    quiet.client("s3").put_object(Body=b"x", **archived)
    options = {
        "listed": lambda: run("--prefix", prefix, "--json"),
        "named": lambda: run("-", "--json", stdin=f"{prefix}a.jpg\n{prefix}b.jpg\n"),
        "dry run": lambda: run("--prefix", prefix, "--json", "--dry-run"),
    }

    result = options[how]()

    document = json.loads(result.stdout)
    assert (document["wanted"], document["archived"], document["customer_key"]) == (1, 1, 0)
    assert "1 archived object not sent: restore them first" in result.stderr
    assert sent_to(quiet)[0] == ([] if how == "dry run" else [f"{prefix}a.jpg"])


def test_keys_come_from_standard_input(quiet):
    prefix = prefix_of(quiet)
    for name in ("a b.jpg", "ü.jpg", "c.jpg"):
        put(quiet, prefix + name, b"x")

    result = run("-", "--json", stdin=f"{prefix}a b.jpg\n{prefix}ü.jpg\n{prefix}gone.jpg\nother/c.jpg\n")

    document = json.loads(result.stdout)
    assert (document["sent"], document["gone"], document["outside"]) == (2, 1, 1)
    assert sent_to(quiet)[0] == [f"{prefix}a b.jpg", f"{prefix}ü.jpg"]


def test_objects_come_from_an_inventory_with_or_without_etags(quiet, tmp_path):
    prefix = prefix_of(quiet)
    etags = {f"{prefix}{name}": put(quiet, f"{prefix}{name}", name.encode()) for name in ("a.jpg", "b.jpg")}
    file = tmp_path / "inventory.csv"
    (a, etag), (b, _) = etags.items()
    file.write_text(f"Bucket,Key,ETag\n{quiet.uploads_bucket},{a},{etag}\n{quiet.uploads_bucket},{b},\n")

    assert run(str(file)).exit_code == 0
    events = [parse(body)[0] for body, _ in bodies_in(quiet)]
    assert {event.key: getattr(event, "etag", None) for event in events} == etags


def test_objects_come_from_a_manifest_in_s3_as_they_are_listed_there(quiet):
    prefix, s3, files = prefix_of(quiet), quiet.client("s3"), []
    etags = {f"{prefix}{n} é.jpg": put(quiet, f"{prefix}{n} é.jpg", bytes([n])) for n in range(4)}
    for number, some in enumerate((list(etags)[:3], list(etags)[3:])):
        text = "".join(f'"{quiet.uploads_bucket}","{quote_plus(key)}","1","{etags[key]}"\n' for key in some)
        body, name = gzip.compress(text.encode()), f"inv/data/{number}.csv.gz"
        s3.put_object(Bucket=quiet.uploads_bucket, Key=name, Body=body)
        files.append({"key": name, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
    manifest = {"sourceBucket": quiet.uploads_bucket, "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size, ETag"}
    manifest |= {"creationTimestamp": "1795222800000", "files": files}
    s3.put_object(Bucket=quiet.uploads_bucket, Key="inv/1/manifest.json", Body=json.dumps(manifest))

    result = run(f"s3://{quiet.uploads_bucket}/inv/1/manifest.json")

    assert result.exit_code == 0, result.stderr
    assert "--changed-since 2026-11-21T01:00:00" in result.stderr
    events = [parse(body)[0] for body, _ in bodies_in(quiet)]
    assert {event.key: getattr(event, "etag", None) for event in events} == etags


def test_only_what_changed_since_a_date_is_sent(quiet):
    prefix = prefix_of(quiet)
    put(quiet, f"{prefix}a.jpg", b"x")

    assert json.loads(run("--prefix", prefix, "--changed-since", "2100-01-01", "--json").stdout)["older"] == 1
    assert json.loads(run("--prefix", prefix, "--changed-since", "2020-01-01", "--json").stdout)["sent"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prefix", "2026/"), "--prefix images/2026/"),
        (("nowhere.csv",), "nowhere.csv cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_say(quiet, arguments, said):
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_an_inventory_without_dates_cannot_be_asked_for_them(quiet, tmp_path):
    (tmp_path / "keys.csv").write_text(f"{quiet.uploads_bucket},images/a.jpg\n")
    result = run(str(tmp_path / "keys.csv"), "--changed-since", "2026-01-01")

    assert result.exit_code == 2
    assert "no column LastModifiedDate" in result.stderr


def test_what_sqs_refuses_is_named_and_the_exit_code_says_so(quiet, monkeypatch):
    prefix = prefix_of(quiet)
    put(quiet, f"{prefix}a.jpg", b"x")
    monkeypatch.setattr(
        quiet.client("sqs"),
        "send_message_batch",
        lambda **_: {"Failed": [{"Id": "0", "Code": "Because", "SenderFault": True}]},
    )

    result = run("--prefix", prefix, "--json")

    assert result.exit_code == 1
    assert f"not sent: {prefix}a.jpg: Because" in result.stderr
    assert json.loads(result.stdout)["refused"] == {f"{prefix}a.jpg": "Because"}


KILLED = """
import dataclasses, sys
from ops.cli import stage
from ops.cli.main import make_app
bucket, url, *options = sys.argv[1:]
real = stage.find
stage.find = lambda *names: dataclasses.replace(real(*names), uploads_bucket=bucket, queue_url=url)
make_app()(options)
"""


def test_a_backfill_that_is_killed_goes_on_from_its_checkpoint_and_loses_nothing(stack, quiet, tmp_path):
    prefix, checkpoint = prefix_of(quiet), tmp_path / "checkpoint.json"
    keys = [f"{prefix}{number:03}.jpg" for number in range(120)]
    for key in keys:
        put(quiet, key, b"x")
    options = ["backfill", "--stage", "local", "--prefix", prefix, "--checkpoint", str(checkpoint), "--rate", "100"]
    command = [sys.executable, "-c", KILLED, quiet.uploads_bucket, quiet.queue_url, *options]
    environ = {**os.environ, **stack.environ()}

    for later in (0, 0.05):  # seconds: another moment of a batch
        kill_when_written(command, environ, checkpoint, later)
    last = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)

    sent = [parse(body)[0].key for body, _ in bodies_in(quiet)]
    assert set(sent) == set(keys)
    assert len(sent) <= len(keys) + 2 * 10  # a batch that was sent and not written down, for each kill
    assert "resuming after" in last.stderr
    assert not checkpoint.exists()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_by_a_signal_it_goes_on_from_its_checkpoint(quiet, tmp_path, number):
    prefix, checkpoint = prefix_of(quiet), tmp_path / "checkpoint.json"
    keys = [f"{prefix}{each:03}.jpg" for each in range(45)]
    for key in keys:
        put(quiet, key, b"x")
    options = ["--prefix", prefix, "--checkpoint", str(checkpoint)]

    with signal_at(number, quiet.client("sqs"), "SendMessageBatch", after=2):
        ended = run(*options)
    rest = run(*options)

    sent = [parse(body)[0].key for body, _ in bodies_in(quiet)]
    assert (ended.exit_code, rest.exit_code) == (INTERRUPTED, 0)
    assert "resuming after" in rest.stderr
    assert set(sent) == set(keys)
    assert len(sent) <= len(keys) + 10


def kill_when_written(command, environ, checkpoint, later):
    """Run a command, and kill it so many seconds after it has written its checkpoint."""

    def content():
        return checkpoint.read_text() if checkpoint.exists() else ""

    before = content()
    with subprocess.Popen(command, env=environ) as process:
        wait_until(lambda: content() not in ("", before))
        time.sleep(later)
        process.kill()


def test_the_consumer_takes_messages_with_a_group_like_any_other(live):
    key = f"{prefix_of(live)}new.jpg"
    etag = put(live, key, jpeg(9))
    wait_for(live, [(key, etag)], "DONE")
    table = ImagesTable(live.client("dynamodb"), live.images_table)
    forget(live, key, etag)

    assert run("-", stdin=key + "\n").exit_code == 0
    wait_for(live, [(key, etag)], "DONE")

    assert table.versions(live.uploads_bucket, key)[0].attempts == 1


def forget(stage, key, etag):
    identity = {"object": {"S": f"{stage.uploads_bucket}/{key}"}, "etag": {"S": etag}}
    stage.client("dynamodb").delete_item(TableName=stage.images_table, Key=identity)
