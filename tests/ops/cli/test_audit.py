"""``darkroom audit`` on the embedded stack: it finds what was done to it, no more, and repairs it."""

import json
import time

import pytest
from typer.testing import CliRunner

from ops.cli.audit.judge import NOTIFIED
from ops.cli.main import make_app
from ops.cli.queues import depth_of
from ops.cli.recipes import read_recipe
from processing.storage.objects import head
from tests.ops.cli.embedded import deploy, jpeg, png, prefix_of, put, quiet_stage, stage_of, use, wait_for, wait_until

VARIANTS = tuple(spec.name for spec in read_recipe().variants)


@pytest.fixture(scope="module")
def scene(stack):
    """Twenty finished photos below a prefix of their own, older than S3 takes to tell of them."""
    stage = stage_of(stack)
    prefix = prefix_of(stage)
    etags = {f"{prefix}{number:02} é+.jpg": "" for number in range(20)}
    for number, key in enumerate(etags):
        etags[key] = put(stage, key, jpeg(number))
    uploaded = time.time()
    wait_for(stage, list(etags.items()), "DONE")
    wait_until(lambda: time.time() - uploaded > NOTIFIED + 1 and is_empty(stage))
    return stage, prefix, etags


def is_empty(stage):
    answer = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["All"])
    return {value for name, value in answer["Attributes"].items() if name.startswith("ApproximateNumber")} == {"0"}


def variant(stage, key, name):
    return f"{name}/{key.removeprefix(stage.uploads_prefix)}"


def forget(stage, key, etag):
    identity = {"object": {"S": f"{stage.uploads_bucket}/{key}"}, "etag": {"S": etag}}
    stage.client("dynamodb").delete_item(TableName=stage.images_table, Key=identity)


@pytest.fixture
def audit(stack, monkeypatch):
    use(monkeypatch, stack)

    def run(*arguments):
        return CliRunner().invoke(make_app(), ["audit", "--stage", "local", *arguments])

    return run


def found(result):
    return {(each["what"], each["key"]) for each in json.loads(result.stdout)["findings"]}


def test_five_deleted_variants_three_deleted_records_and_two_orphans_are_found_and_repaired(scene, audit):
    stage, prefix, etags = scene
    s3, keys = stage.client("s3"), list(etags)
    assert audit("--prefix", prefix).exit_code == 0

    missing = [(keys[0], VARIANTS), (keys[5], ["phone"]), (keys[9], ["tablet"])]
    expected = {("missing variant", variant(stage, key, name)) for key, names in missing for name in names}
    for _, key in expected:
        s3.delete_object(Bucket=stage.variants_bucket, Key=key)
    for key in (keys[2], keys[3], keys[9]):
        forget(stage, key, etags[key])
        expected.add(("no record", key))
    for key in (variant(stage, f"{prefix}00", "desktop"), variant(stage, f"{prefix}zz.jpg", "phone")):
        s3.put_object(Bucket=stage.variants_bucket, Key=key, Body=b"x")
        expected.add(("orphaned variant", key))

    told, first = audit("--prefix", prefix), audit("--prefix", prefix, "--json")

    assert found(first) == expected
    assert len(expected) == 10
    assert (told.exit_code, first.exit_code) == (1, 1)
    assert "20 objects and 57 variants: 10 found" in told.stderr

    planned = audit("--prefix", prefix, "--repair", "--delete-orphans", "--dry-run", "--json")
    assert found(planned) == expected
    assert planned.exit_code == 1
    repairs = {"sent": 5, "removed": 2, "kept": 0, "left": {}, "left_count": 0}
    assert json.loads(planned.stdout)["repair"] == {"dry_run": True} | repairs
    assert found(audit("--prefix", prefix, "--json")) == expected

    repaired = audit("--prefix", prefix, "--repair", "--delete-orphans", "--json")
    assert repaired.exit_code == 0
    assert json.loads(repaired.stdout)["repair"] == {"dry_run": False} | repairs
    wait_until(lambda: is_empty(stage))
    second = audit("--prefix", prefix, "--deep", "--json")
    assert second.exit_code == 0
    assert json.loads(second.stdout) == {
        "objects": 20,
        "variants": 60,
        "found": {},
        "fine": {},
        "findings": [],
        "queue": {"waiting": 0, "in_flight": 0, "delayed": 0},
        "dead_letters": depth_of(stage.client("sqs"), stage.dlq_url).total,
    }


def test_a_variant_of_an_older_version_is_found_by_a_deep_audit_and_repaired(scene, audit):
    stage, prefix, etags = scene
    key = next(iter(etags))
    s3, phone = stage.client("s3"), variant(stage, key, "phone")
    good = s3.get_object(Bucket=stage.variants_bucket, Key=phone)
    body = good["Body"].read()
    old = good["Metadata"] | {"source-etag": "of an older version"}
    s3.put_object(Bucket=stage.variants_bucket, Key=phone, Body=body, Metadata=old)  # of the same size

    assert audit("--prefix", prefix).exit_code == 0
    assert found(audit("--prefix", prefix, "--deep", "--json")) == {("stale variant", phone)}

    assert audit("--prefix", prefix, "--deep", "--repair").exit_code == 0
    wait_until(lambda: is_empty(stage))
    assert audit("--prefix", prefix, "--deep").exit_code == 0


def test_another_photos_picture_is_found_by_rendering_again_alone_and_repaired(scene, audit):
    stage, prefix, etags = scene
    s3, (one, other, *_) = stage.client("s3"), etags
    wrong = variant(stage, one, "tablet")
    labels = s3.head_object(Bucket=stage.variants_bucket, Key=wrong)["Metadata"]
    body = s3.get_object(Bucket=stage.variants_bucket, Key=variant(stage, other, "tablet"))["Body"].read()
    s3.put_object(Bucket=stage.variants_bucket, Key=wrong, Body=body, Metadata=labels)

    assert audit("--prefix", prefix, "--deep").exit_code == 0
    first = audit("--prefix", prefix, "--deep", "--render", "50", "--json")
    assert found(first) == {("wrong picture", wrong)}
    assert json.loads(first.stdout)["rendered"] == len(etags)
    assert "wrong picture" in audit("--prefix", prefix, "--render", "50").stdout

    repaired = audit("--prefix", prefix, "--render", "50", "--repair", "--json")
    repairs = {"sent": 1, "removed": 1, "kept": 0, "left": {}, "left_count": 0}
    assert json.loads(repaired.stdout)["repair"] == {"dry_run": False} | repairs
    wait_until(lambda: is_empty(stage))
    last = audit("--prefix", prefix, "--deep", "--render", "3")
    assert last.exit_code == 0
    assert "(3 rendered again)" in last.stderr


def test_objects_whose_names_continue_each_other_are_told_apart(stack, audit):
    stage = stage_of(stack)
    prefix = prefix_of(stage)
    keys = [f"{prefix}{name}" for name in ("a.bmp", "a.bmp.jpg", "a.bmp.jpg.jpg")]
    wait_for(stage, [(key, put(stage, key, png(number))) for number, key in enumerate(keys)], "DONE")

    whole = audit("--prefix", prefix, "--deep", "--render", "9")
    lost = variant(stage, f"{keys[1]}.jpg", "phone")
    stage.client("s3").delete_object(Bucket=stage.variants_bucket, Key=lost)

    assert "3 objects (3 rendered again) and 9 variants: nothing found" in whole.stderr
    assert found(audit("--prefix", prefix, "--json")) == {("missing variant", lost)}


def test_a_rejected_upload_is_told_apart_and_is_no_fault(stack, audit):
    stage = stage_of(stack)
    prefix = prefix_of(stage)
    etag = put(stage, f"{prefix}notes.jpg", b"no image at all")
    wait_for(stage, [(f"{prefix}notes.jpg", etag)], "REJECTED")

    result = audit("--prefix", prefix, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["fine"] == {"rejected": 1}


def test_an_archived_upload_is_rejected_by_its_cause_and_without_a_record_counted_apart(stack, audit):
    stage = stage_of(stack)
    key = f"{prefix_of(stage)}cat.jpg"
    s3 = stage.client("s3")
    answer = s3.put_object(Bucket=stage.uploads_bucket, Key=key, Body=jpeg(1), StorageClass="GLACIER")
    etag = answer["ETag"].strip('"')
    ends = wait_for(stage, [(key, etag)], "REJECTED")
    wait_until(lambda: is_empty(stage))  # or its message would make the record again
    forget(stage, key, etag)

    result = audit("--prefix", key, "--json")

    assert [record.cause for record in ends.values()] == ["ArchivedObject"]
    assert result.exit_code == 0
    assert json.loads(result.stdout)["fine"] == {"archived": 1}


def test_no_more_is_printed_than_was_asked_for_and_the_counts_are_whole(stack, audit, monkeypatch):
    stage = quiet_stage(stack)
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    monkeypatch.setattr("ops.cli.audit.judge.NOTIFIED", 0)
    prefix = prefix_of(stage)
    for number in range(7):
        put(stage, f"{prefix}{number}.jpg", b"x")

    told, document = audit("--prefix", prefix, "--limit", "3"), audit("--prefix", prefix, "--limit", "3", "--json")

    assert len(json.loads(document.stdout)["findings"]) == 3
    assert json.loads(document.stdout)["found"] == {"no record": 7, "missing variant": 21}
    assert "and 25 more: print them with --limit 0" in told.stderr


@pytest.mark.parametrize("removals", ["false", "true"])
def test_variants_whose_source_a_lifecycle_rule_expired_are_named_and_go_only_where_removals_are_on(
    stack, audit, monkeypatch, removals
):
    stage = deploy(quiet_stage(stack), environment={"REMOVALS": removals})
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    monkeypatch.setattr("ops.cli.audit.judge.NOTIFIED", 0)
    prefix = prefix_of(stage)
    put(stage, f"{prefix}stays.jpg", jpeg())
    expired = variant(stage, f"{prefix}expired.jpg", "phone")
    stage.client("s3").put_object(Bucket=stage.variants_bucket, Key=expired, Body=b"x")

    named = audit("--prefix", prefix, "--json")
    planned = audit("--prefix", prefix, "--repair", "--dry-run", "--json")
    repaired = audit("--prefix", prefix, "--repair", "--json")

    assert ("orphaned variant", expired) in found(named)
    assert f"no {prefix}expired.jpg" in named.stdout
    counts = json.loads(repaired.stdout)["repair"]
    assert counts["dry_run"] is False
    assert json.loads(planned.stdout)["repair"] == counts | {"dry_run": True}
    assert (repaired.exit_code, counts["removed"], counts["kept"]) == (0, *((1, 0) if removals == "true" else (0, 1)))
    assert (head(stage.client("s3"), stage.variants_bucket, expired) is None) == (removals == "true")


def test_an_empty_bucket_is_no_reason_to_delete_every_variant(stack, audit, monkeypatch):
    stage = quiet_stage(stack)
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)

    result = audit("--repair", "--delete-orphans")

    assert result.exit_code == 2
    assert "--keep-orphans" in result.stderr
