"""A healthy stage from end to end, and faults of a deployed one: each is found by its own check."""

import dataclasses
import io
import json
import threading
import time
import uuid
from collections import Counter

import pytest
from PIL import Image
from typer.testing import CliRunner

from ops.cli.alarms import ALARMS, SWITCHED_ALARMS, alarms_of
from ops.cli.checkout import ROOT
from ops.cli.dlq.messages import HeldMessages
from ops.cli.doctor.checkup import RESERVED, Checkup
from ops.cli.doctor.cleaning import DeadLetters
from ops.cli.doctor.command import run
from ops.cli.doctor.pictures import FORM, HEIC_FILE, PICTURES
from ops.cli.doctor.pipeline import _wrong_pixels
from ops.cli.doctor.results import Check
from ops.cli.main import make_app
from ops.cli.recipes import read_recipe
from processing.ledger import VariantRecord
from tests.api.fuzz import served
from tests.ops.cli.doctor.conftest import error, find, found
from tests.ops.cli.doctor.scripted_aws import Told
from tests.ops.cli.embedded import deploy, put, quiet_stage, use, wait_until

STALE, FRESH = "20200101T000000Z-00000000", "29990101T000000Z-00000000"


def keys(stage, run_name=""):
    """What is in the doctor's folders, or in that of one run."""
    s3 = stage.client("s3")
    listed = [
        item["Key"]
        for bucket in (stage.uploads_bucket, stage.variants_bucket)
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for item in page.get("Contents", ())
    ]
    return [key for key in listed if f"/_doctor/{run_name}" in key]


def dead(stage, run_name="_doctor"):
    """The messages of one run, or of all, in the dead-letter queue."""
    with HeldMessages(stage.client("sqs"), stage.dlq_url) as held:
        return [each for each in held.read() if run_name in each.body]


def bury(stage, key):
    """A dead letter of an object."""
    event = {"bucket": {"name": stage.uploads_bucket}, "object": {"key": key, "eTag": "e1", "size": 1}}
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": event}
    stage.client("sqs").send_message(QueueUrl=stage.dlq_url, MessageBody=json.dumps({"Records": [record]}))


@pytest.fixture
def own_dlq(checkup):
    """The running stack, with a dead-letter queue that nothing is moved to."""
    url = checkup.client("sqs").create_queue(QueueName=f"dlq-{uuid.uuid4().hex}")["QueueUrl"]
    checkup.stage = dataclasses.replace(checkup.deployed, dlq_url=url)
    return checkup


def test_a_healthy_stage_passes_every_check_and_nothing_is_left(stack, checkup, monkeypatch):
    stage = checkup.deployed
    stack.client("sns").subscribe(TopicArn=checkup.outputs["AlarmTopic"], Protocol="email", Endpoint="anna@example.com")
    use(monkeypatch, stack)
    with served(stack, Counter()) as server:
        result = CliRunner().invoke(make_app(), ["doctor", "--stage", "local", "--url", server.url, "--json"])

    report = json.loads(result.stdout)
    by_status = {status: [c["name"] for c in report["checks"] if c["status"] == status] for status in ("warn", "fail")}
    assert (result.exit_code, report["healthy"], by_status) == (0, True, {"warn": [], "fail": []}), report
    assert {c["name"] for c in report["checks"] if c["status"] == "skipped"} <= {
        *("rights", "concurrency", "runtime"),
        "HEIC",
    }
    speed = next(c["facts"] for c in report["checks"] if c["name"] == "upload to ready")
    assert speed["each"].keys() >= {"jpeg", "png", "webp"}
    assert 0 < speed["median"] < 60
    for private in ("123456789012", "anna@example.com", "X-Amz-Signature"):
        assert private not in result.stdout
    (folder,) = (c["found"] for c in report["checks"] if c["name"] == "upload")
    run_name = folder.rstrip("/").rpartition("/")[2]
    assert (keys(stage, run_name), dead(stage, run_name)) == ([], [])
    assert "checking: cleaning" in result.stderr


def test_the_recipe_ignores_none_of_the_doctors_pictures():
    names = [f"{RESERVED}{FRESH}/{picture.file}" for picture in (*PICTURES, FORM)]

    assert not [name for name in names if read_recipe().ignores(name)]


def test_a_consumer_that_works_for_another_bucket_is_found(stack, checkup):
    stage = deploy(quiet_stage(stack), environment={"UPLOADS_BUCKET": "gone", "QUEUE_URL": "x"})

    status, text = found(dataclasses.replace(checkup, stage=stage), "function")

    assert status == "fail"
    assert f"UPLOADS_BUCKET is gone, not {stage.uploads_bucket}" in text
    assert "VARIANTS_BUCKET is not set" in text


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("mapping", "Disabled: uploads wait in the queue > If that is not meant: darkroom resume --stage local"),
        ("notification", "the uploads bucket notifies the queue not at all > Deploy the stage again."),
        ("queue policy", "the queue's policy does not let S3 send for the uploads bucket > Deploy the stage again."),
        (
            "redrive policy",
            "the uploads queue has no redrive policy: failed messages come back for ever > Deploy the stage again.",
        ),
    ],
)
def test_what_a_deployment_lost_is_found(quiet, check, expected):
    assert found(quiet, check) == ("fail", expected)


def test_a_mapping_that_is_missing_is_found(stack, checkup):
    status, text = found(dataclasses.replace(checkup, stage=quiet_stage(stack)), "mapping")

    assert (status, "has 0 event source mappings" in text) == ("fail", True)


def test_a_mapping_that_does_not_report_failures_is_found(stack, quiet):
    uuid_of = quiet.client("lambda").list_event_source_mappings(FunctionName=quiet.deployed.consumer)
    (mapping,) = uuid_of["EventSourceMappings"]
    quiet.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    status, text = found(quiet, "mapping")

    assert (status, "without ReportBatchItemFailures" in text) == ("fail", True)


def test_a_notification_of_another_prefix_is_found(quiet):
    stage = quiet.deployed
    arn = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["QueueArn"])
    entry = {
        "QueueArn": arn["Attributes"]["QueueArn"],
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "other/"}]}},
    }
    stage.client("s3").put_bucket_notification_configuration(
        Bucket=stage.uploads_bucket, NotificationConfiguration={"QueueConfigurations": [entry]}
    )

    status, text = found(quiet, "notification")

    assert (status, "not of s3:ObjectCreated:* below images/" in text) == ("fail", True)


def notify(stage, *events):
    arn = stage.client("sqs").get_queue_attributes(QueueUrl=stage.queue_url, AttributeNames=["QueueArn"])
    entry = {"QueueArn": arn["Attributes"]["QueueArn"], "Events": [*events]}
    stage.client("s3").put_bucket_notification_configuration(
        Bucket=stage.uploads_bucket, NotificationConfiguration={"QueueConfigurations": [entry]}
    )


def test_a_notification_without_removals_is_found_where_the_stage_takes_them(stack, plain):
    removing = deploy(quiet_stage(stack), environment={"REMOVALS": "true"})
    checkup = Checkup("local", stack.region, plain, stage=removing)
    notify(removing, "s3:ObjectCreated:*", "s3:ObjectRemoved:*")

    assert found(checkup, "notification")[1].startswith(
        "the uploads bucket notifies the queue not of s3:LifecycleExpiration:* below images/ > "
    )


def test_the_whole_bucket_is_notified_of_where_there_is_no_prefix(quiet):
    quiet.stage = dataclasses.replace(quiet.deployed, uploads_prefix="")
    notify(quiet.deployed, "s3:ObjectCreated:*")

    assert found(quiet, "notification")[1].startswith("the bucket notifies the queue of uploads in the whole bucket")


def test_a_switch_that_is_off_is_found_whatever_the_bucket_notifies(quiet):
    quiet.stage = dataclasses.replace(quiet.deployed, ingest="eventbridge")
    notify(quiet.deployed, "s3:ObjectCreated:*")

    assert found(quiet, "notification")[0] == "fail"
    quiet.client("s3").put_bucket_notification_configuration(
        Bucket=quiet.deployed.uploads_bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert found(quiet, "notification")[0] == "ok"


def test_a_switch_for_eventbridge_notifies_no_queue(quiet):
    quiet.client("s3").put_bucket_notification_configuration(
        Bucket=quiet.deployed.uploads_bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )

    assert found(quiet, "notification")[0] == "fail"


@pytest.mark.parametrize("check", ["notification", "CORS"])
def test_what_is_missing_on_a_bucket_of_somebody_elses_is_his_to_set(quiet, check):
    outputs = {f"UploadsBucket{name}": "{}" for name in ("Notification", "Cors")}
    quiet.outputs = {**quiet.outputs, **outputs}
    quiet.posted_to = f"{quiet.client('s3').meta.endpoint_url}/{quiet.deployed.uploads_bucket}"

    status, text = found(quiet, check)

    name = {"notification": "UploadsBucketNotification", "CORS": "UploadsBucketCors"}[check]
    assert status == "fail"
    assert f"The stack leaves this bucket as it is: set its output {name} on the bucket" in text


@pytest.mark.parametrize(
    ("service", "source", "expected"),
    [
        ("events.amazonaws.com", "arn:aws:events:eu-west-1:123456789012:rule/darkroom-local-uploads", "ok"),
        ("events.amazonaws.com", "arn:aws:events:eu-west-1:123456789012:rule/another", "fail"),
        ("s3.amazonaws.com", "arn:aws:s3:::{bucket}", "fail"),
    ],
)
def test_by_eventbridge_the_queue_is_for_the_stages_rule(quiet, service, source, expected):
    quiet.stage = stage = dataclasses.replace(quiet.deployed, ingest="eventbridge")
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": source.format(bucket=stage.uploads_bucket)}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    stage.client("sqs").set_queue_attributes(QueueUrl=stage.queue_url, Attributes={"Policy": policy})

    assert found(quiet, "queue policy")[0] == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "ok"),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}}}, "fail"),
        ({"Effect": "Deny"}, "fail"),
        ({"Action": "sqs:ReceiveMessage"}, "fail"),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, "fail"),
    ],
)
def test_a_queue_policy_that_is_not_for_this_bucket_is_found(quiet, changed, expected):
    stage = quiet.deployed
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{stage.uploads_bucket}"}},
    } | changed
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stage.client("sqs").set_queue_attributes(QueueUrl=stage.queue_url, Attributes={"Policy": policy})

    assert found(quiet, "queue policy")[0] == expected


def test_a_redrive_policy_that_disagrees_with_the_consumer_is_found(quiet):
    stage = quiet.deployed
    name = f"dlq-{uuid.uuid4().hex}"
    stage.client("sqs").create_queue(QueueName=name)
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{stage.region}:123456789012:{name}", "maxReceiveCount": 7}
    attributes = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "100", "MessageRetentionPeriod": "1209600"}
    stage.client("sqs").set_queue_attributes(QueueUrl=stage.queue_url, Attributes=attributes)

    status, text = found(quiet, "redrive policy")

    assert status == "fail"
    for problem in (
        "names another dead-letter queue",
        "SQS allows 7 receives, and the consumer counts with 5",
        "the visibility timeout is 100 s, less than 6 x 60 s",
        "not kept for longer than uploads",
    ):
        assert problem in text


def subscriptions(*arns):
    listed = "".join(f"<member><SubscriptionArn>{arn}</SubscriptionArn></member>" for arn in arns)
    result = f"<ListSubscriptionsByTopicResult><Subscriptions>{listed}</Subscriptions></ListSubscriptionsByTopicResult>"
    return f"<ListSubscriptionsByTopicResponse>{result}</ListSubscriptionsByTopicResponse>"


@pytest.mark.parametrize(
    ("arns", "expected"),
    [
        ((), f"{len(ALARMS) + sum(map(len, SWITCHED_ALARMS.values()))} alarms, and nobody is subscribed to them"),
        (("PendingConfirmation", "arn:aws:sns:x"), "1 of 2 subscriptions wait for their confirmation"),
    ],
)
def test_alarms_that_reach_nobody_are_warned_of(aws, scripted, arns, expected):
    aws.says("ListSubscriptionsByTopic", 200, subscriptions(*arns))

    status, text = found(scripted, "alarms")

    assert (status, text.partition(" > ")[0]) == ("warn", expected)


def test_alarms_without_an_action_are_found(checkup):
    checkup.outputs = {"AlarmTopic": "arn:aws:sns:eu-west-1:123456789012:another"}

    status, text = found(checkup, "alarms")

    assert (status, "darkroom-local-bugs" in text) == ("fail", True)


def test_an_alarm_that_is_switched_off_is_found(stack, checkup):
    cloudwatch, name = stack.client("cloudwatch"), "darkroom-local-queue-age"
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    try:
        status, text = found(checkup, "alarms")
    finally:
        cloudwatch.enable_alarm_actions(AlarmNames=[name])

    assert (status, text.startswith(f"alarms that are missing or reach no topic: {name} >")) == ("fail", True)


def test_every_alarm_of_the_template_is_looked_at(stack, checkup):
    names = {properties["AlarmName"] for _, properties in stack.template.resources("AWS::CloudWatch::Alarm")}

    assert {f"{checkup.stack_name}-{name}" for name in alarms_of(stack.outputs)} == names


@pytest.mark.parametrize(("rendering", "expected"), [("sandbox", "ok"), ("in-process", "warn")])
def test_what_the_function_logged_of_its_environment_is_reported(quiet, rendering, expected):
    logs, group = quiet.client("logs"), f"/aws/lambda/{quiet.deployed.consumer}"
    lines = ["START", json.dumps({"message": "started", "libc": "2.34", "botocore": "1.40", "rendering": rendering})]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    result = find("runtime").result(quiet)

    assert result.status == expected
    assert result.sentence == f"botocore 1.40, libc 2.34, rendering {rendering}"


def test_a_function_without_a_log_group_is_skipped(quiet):
    assert found(quiet, "runtime") == ("skipped", "not answered: FilterLogEvents: ResourceNotFoundException > ")


def test_a_cors_rule_that_is_missing_is_found(aws, scripted):
    find("presigned POST").result(scripted)
    aws.says("OPTIONS /", 403, "<Error><Code>AccessForbidden</Code></Error>")
    try:
        status, text = found(scripted, "CORS")
    finally:
        find("cleaning").result(scripted)

    assert (status, "browsers send no file" in text) == ("fail", True)


def test_an_answer_that_the_page_may_not_read_is_found(checkup):
    found(checkup, "presigned POST")
    checkup.allowed_origin = None
    try:
        status, text = found(checkup, "CORS")
    finally:
        find("cleaning").result(checkup)

    assert (status, "browsers report a failure" in text) == ("fail", True)


def test_a_bucket_that_every_site_may_post_to_is_warned_of(aws, scripted):
    found(scripted, "presigned POST")
    allowed = {"Access_Control_Allow_Origin": "*", "Access_Control_Allow_Methods": "POST"}
    aws.says("OPTIONS /", 200, **allowed)
    try:
        assert found(scripted, "CORS")[0] == "warn"
    finally:
        find("cleaning").result(scripted)


def test_a_larger_file_than_declared_that_is_taken_is_found(aws, scripted):
    aws.says(f"POST /{scripted.deployed.uploads_bucket}", 204)

    status, text = found(scripted, "presigned POST")

    assert (status, "is answered 204, not EntityTooLarge" in text) == ("fail", True)


def test_a_condition_that_s3_ignores_is_found(aws, scripted):
    found(scripted, "upload")
    aws.says(f"PUT /{scripted.deployed.uploads_bucket}", 200, ETag='"e"')
    try:
        status, text = found(scripted, "early refusal")
    finally:
        find("cleaning").result(scripted)

    assert (status, "If-None-Match is not respected" in text) == ("fail", True)


def test_a_page_that_answers_500_is_found(aws, scripted):
    scripted.url = f"{aws.url}/page"
    aws.says("GET /page/", 500, "no", Content_Type="text/plain")

    status, text = found(scripted, "page")

    assert status == "fail"
    assert text.startswith("/ answers 500 text/plain; /settings.json answers 500")


def test_images_that_are_open_to_all_are_found(aws, scripted):
    scripted.url = f"{aws.url}/page"
    aws.rules["GET /page/"] = lambda asked: Told(
        200, "{}", (("Content-Type", "application/json" if asked.path.endswith(".json") else "text/html"),)
    )

    assert found(scripted, "page")[1].startswith("/images without a key answers 200, not 403")


def test_an_upload_that_is_denied_fails(aws, scripted):
    denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    aws.says(f"PUT /{scripted.deployed.uploads_bucket}", 403, denied)

    status, text = found(scripted, "upload")

    assert (status, text.startswith("denied: PutObject > Attach the stack's policy")) == ("fail", True)


def test_pictures_that_never_end_fail_by_the_checks_that_wait_for_them(quiet):
    results = {name: found(quiet, name) for name in ("upload", "variants", "HEIC", "broken picture", "upload to ready")}
    find("cleaning").result(quiet)

    assert results["upload"][0] == "ok"
    assert results["variants"][0] == "fail"
    assert "jpeg: no record in the images table: its event did not reach the consumer" in results["variants"][1]
    assert [results[name][0] for name in ("HEIC", "broken picture", "upload to ready")] == ["fail", "fail", "skipped"]
    assert keys(quiet.deployed, quiet.run_name) == []


def test_a_broken_picture_that_does_not_die_is_found(own_dlq):
    found(own_dlq, "upload")
    found(own_dlq, "variants")
    own_dlq.timeout = 1
    try:
        status, text = found(own_dlq, "broken picture")
    finally:
        find("cleaning").result(own_dlq)
        own_dlq.stage = dataclasses.replace(own_dlq.deployed, dlq_url=own_dlq.outputs["UploadsDlqUrl"])
        own_dlq.searched.clear()
        find("cleaning").result(own_dlq)

    assert (status, text.startswith("rejected as CorruptImage, and not in the dead-letter queue after 1 s")) == (
        "fail",
        True,
    )
    assert dead(own_dlq.deployed, own_dlq.run_name) == []


def test_a_variant_whose_link_leads_nowhere_is_found(checkup):
    found(checkup, "upload")
    assert found(checkup, "variants")[0] == "ok"
    record = checkup.sent["png"].end.record
    checkup.client("s3").delete_object(Bucket=checkup.deployed.variants_bucket, Key=record.variants[0].key)
    try:
        status, text = found(checkup, "variants")
    finally:
        find("cleaning").result(checkup)

    assert (status, "png: desktop: its link answers 404" in text) == ("fail", True)


@pytest.mark.parametrize(
    ("name", "size", "mode", "complaint"),
    [
        ("jpeg", (20, 10), "RGB", "lies on its side: the EXIF orientation is not applied"),
        ("jpeg", (10, 20), "RGB", ""),
        ("png", (20, 10), "RGB", "has lost its transparency"),
        ("png", (20, 10), "RGBA", ""),
        ("webp", (21, 10), "RGB", "21 x 10 pixels, not 20 x 10"),
    ],
)
def test_a_variant_that_is_not_what_it_should_be_is_found(name, size, mode, complaint):
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG")
    picture = next(each for each in PICTURES if each.name == name)
    expected = (20, 10) if name == "webp" else size
    variant = VariantRecord("phone", "phone/x", "png", expected[0], expected[1], bytes=1)

    assert list(_wrong_pixels(out.getvalue(), picture, variant)) == ([complaint] if complaint else [])


def test_the_heic_is_the_one_that_this_project_made():
    assert HEIC_FILE.read_bytes() == (ROOT / "tests/imaging/golden/portrait.heic").read_bytes()


def test_a_large_dead_letter_queue_is_not_searched(own_dlq, monkeypatch):
    monkeypatch.setattr(DeadLetters, "most", 0)
    bury(own_dlq.deployed, "images/other.jpg")
    found(own_dlq, "upload")
    try:
        status, text = found(own_dlq, "broken picture")
    finally:
        find("cleaning").result(own_dlq)

    assert (status, "was not searched among more than 0" in text) == ("warn", True)


def test_what_an_interrupted_run_left_is_removed_and_what_runs_elsewhere_is_kept(quiet):
    stage = quiet.deployed
    url = quiet.client("sqs").create_queue(QueueName=f"dlq-{uuid.uuid4().hex}")["QueueUrl"]
    quiet.stage = stage = dataclasses.replace(stage, dlq_url=url)
    for run_name in (STALE, FRESH):
        put(stage, f"images/_doctor/{run_name}/jpeg.jpg", b"x")
        bury(stage, f"images/_doctor/{run_name}/broken.jpg")
    bury(stage, "images/cat.jpg")
    variant = f"phone/_doctor/{STALE}/jpeg.jpg"
    stage.client("s3").put_object(Bucket=stage.variants_bucket, Key=variant, Body=b"x")
    quiet.has_uploaded = True

    assert found(quiet, "cleaning")[0] == "ok"

    assert keys(stage) == [f"images/_doctor/{FRESH}/jpeg.jpg"]
    assert [FRESH in each.body for each in dead(stage)] == [True]
    counted = wait_until(lambda: stage.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))
    assert counted["Attributes"]["ApproximateNumberOfMessages"] == "2"


def test_a_message_that_dies_while_the_doctor_cleans_is_removed(quiet, monkeypatch):
    monkeypatch.setattr("ops.cli.doctor.cleaning.LAST_LOOK", 20)
    url = quiet.client("sqs").create_queue(QueueName=f"dlq-{uuid.uuid4().hex}")["QueueUrl"]
    quiet.stage = dataclasses.replace(quiet.deployed, dlq_url=url)
    quiet.has_uploaded, key = True, f"{quiet.folder}broken.jpg"
    monkeypatch.setattr("ops.cli.doctor.cleaning._rejected", lambda _checkup: {key})
    dies = threading.Timer(1, bury, (quiet.deployed, key))
    dies.start()

    result = find("cleaning").result(quiet)

    dies.join()
    assert (result.status, result.facts["dead_letters"]) == ("ok", 1)
    assert dead(quiet.deployed) == []


def test_variants_that_are_published_after_an_interruption_are_removed_too(checkup):
    def interrupt(_checkup):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(checkup, [find("presigned POST"), find("upload"), Check("interrupted", interrupt)])

    assert {each.end.phase for each in checkup.sent.values()} - {None}
    assert keys(checkup.deployed, checkup.run_name) == []
    assert dead(checkup.deployed, checkup.run_name) == []


@pytest.mark.parametrize("error_type", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_run_removes_what_it_uploaded(quiet, error_type):
    seen = []

    def interrupt(checkup):
        seen.extend(keys(checkup.deployed, checkup.run_name))
        raise error_type

    with pytest.raises(error_type):
        run(quiet, [find("upload"), Check("interrupted", interrupt)])

    assert len(seen) == 5
    assert keys(quiet.deployed, quiet.run_name) == []


def test_what_cannot_be_removed_is_named(aws, scripted):
    found(scripted, "upload")
    aws.says(f"DELETE /{scripted.deployed.uploads_bucket}", 403, error("AccessDenied"))
    found(scripted, "variants")

    status, text = found(scripted, "cleaning")

    aws.rules.clear()
    assert find("cleaning").result(scripted).seconds < 8  # no search for what is deleted
    assert status == "warn"
    assert "uploads are left: AccessDenied" in text
    assert "variants are left" not in text


def test_the_credentials_of_the_local_stage_are_any(quiet):
    assert found(quiet, "credentials") == ("ok", "the emulator accepts any > ")
