"""S3's events by EventBridge are those that AWS documents, and our parser takes them."""

import functools
import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.events.models import EventsBackend

from ops.local import moto_s3_events, moto_s3_probes
from processing.events import ObjectCreated, ObjectRemoved, parse

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"


@pytest.fixture
def clients(monkeypatch):
    for patch in moto_s3_events.patches():
        patch.apply(functools.partial(monkeypatch.setattr, raising=False))
    with mock_aws():
        session = boto3.Session("local", "local", region_name="eu-west-1")
        yield {name: session.client(name) for name in ("sqs", "s3", "events")}


@pytest.fixture
def bucket(clients):
    """A bucket whose events a rule of the default bus sends to a queue."""
    s3 = clients["s3"]
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    switch: Any = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration=switch)
    clients["sqs"].create_queue(QueueName="q")
    rule(clients, "default")
    return "bucket"


def rule(clients, bus, *, target=QUEUE, state="ENABLED"):
    kinds = ["Object Created", "Object Deleted"]
    pattern = {"source": ["aws.s3"], "detail-type": kinds, "detail": {"bucket": {"name": ["bucket"]}}}
    name = f"of-{bus}"
    clients["events"].put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus, State=state)
    clients["events"].put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "t", "Arn": target}])


def bodies(clients):
    answer = clients["sqs"].receive_message(QueueUrl="https://sqs.eu-west-1.amazonaws.com/123456789012/q",
                                            MaxNumberOfMessages=10)  # fmt: skip
    return [message["Body"] for message in answer.get("Messages", ())]


def test_a_bucket_says_that_it_sends_its_events_to_eventbridge_beside_what_else_it_notifies(clients, bucket):
    s3 = clients["s3"]
    entry = {"QueueArn": QUEUE, "Events": ["s3:ObjectRemoved:*"]}
    both: Any = {"QueueConfigurations": [entry], "EventBridgeConfiguration": {}}

    alone = s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=both)
    beside = s3.get_bucket_notification_configuration(Bucket=bucket)

    assert (alone["EventBridgeConfiguration"], "QueueConfigurations" in alone) == ({}, False)
    assert (beside["EventBridgeConfiguration"], len(beside["QueueConfigurations"])) == ({}, 1)


@pytest.mark.parametrize("key", ["cat.jpg", "Fotos 2019/grün + blau 100%.jpg"])
def test_an_upload_is_read_by_the_consumers_parser(clients, bucket, key):
    etag = clients["s3"].put_object(Bucket=bucket, Key=key, Body=b"1234")["ETag"].strip('"')

    (body,) = bodies(clients)
    (event,) = parse(body)
    assert isinstance(event, ObjectCreated)
    assert (event.bucket, event.key, event.etag, event.size, event.version_id) == (bucket, key, etag, 4, None)
    assert json.loads(body)["detail"]["reason"] == "PutObject"


def test_a_removal_is_read_by_the_consumers_parser(clients, bucket):
    clients["s3"].put_object(Bucket=bucket, Key="cat.jpg", Body=b"1")
    bodies(clients)

    clients["s3"].delete_object(Bucket=bucket, Key="cat.jpg")

    (body,) = bodies(clients)
    (event,) = parse(body)
    assert isinstance(event, ObjectRemoved)
    assert (json.loads(body)["detail"]["reason"], event.key) == ("DeleteObject", "cat.jpg")
    assert json.loads(body)["detail"]["deletion-type"] == "Permanently Deleted"


def test_a_bucket_that_keeps_versions_names_them(clients, bucket):
    clients["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = clients["s3"].put_object(Bucket=bucket, Key="cat.jpg", Body=b"1")["VersionId"]

    (event,) = parse(bodies(clients)[0])
    assert isinstance(event, ObjectCreated)
    assert event.version_id == version


def test_later_events_have_larger_sequencers(clients, bucket):
    for body in (b"1", b"2"):
        clients["s3"].put_object(Bucket=bucket, Key="cat.jpg", Body=body)

    sequencers = [str(parse(body)[0].sequencer) for body in bodies(clients)]
    assert len(set(sequencers)) == 2
    assert sequencers == sorted(sequencers)


def test_rules_of_other_buses_and_rules_that_are_disabled_get_none(clients, bucket):
    clients["events"].create_event_bus(Name="another")
    rule(clients, "another")
    clients["events"].disable_rule(Name="of-default")

    clients["s3"].put_object(Bucket=bucket, Key="cat.jpg", Body=b"1")

    assert bodies(clients) == []


def test_a_target_that_fails_is_logged_and_takes_nothing_from_the_upload(clients, bucket, caplog):
    rule(clients, "default", target="arn:aws:sqs:eu-west-1:123456789012:gone")

    clients["s3"].put_object(Bucket=bucket, Key="cat.jpg", Body=b"1")

    assert clients["s3"].head_object(Bucket=bucket, Key="cat.jpg")["ContentLength"] == 1
    assert "the rule of-default cannot be played" in caplog.text


def test_a_probe_that_fails_midway_leaves_nothing_to_the_next(monkeypatch):
    put_targets = EventsBackend.put_targets

    def fail(backend, name, bus, targets):
        if bus == "probe":  # the second
            raise RuntimeError("midway")
        put_targets(backend, name, bus, targets)

    monkeypatch.setattr(EventsBackend, "put_targets", fail)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="midway"):
            moto_s3_probes.sends_documented_events()
