"""The emulator's streams keep their records, whatever mappings there are, and a bus has a name for CloudFormation."""

import functools
import json
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from ops.local import moto_patches

TEMPLATE = {
    "Resources": {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "events"}},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"Name": "rule", "EventBusName": {"Ref": "Bus"}, "EventPattern": {"source": ["darkroom"]}},
        },
    }
}


@pytest.fixture
def session(monkeypatch):
    moto_patches.install(functools.partial(monkeypatch.setattr, raising=False))
    with mock_aws():
        yield boto3.Session("local", "local", region_name="eu-west-1")


@pytest.fixture
def table(session):
    session.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return "table"


def table_in_moto(table):
    return dynamodb_backends["123456789012"]["eu-west-1"].tables[table]


def changes(table):
    """What is in the stream, by the kind of each change and the value before and after."""
    records = [each.to_json() for each in table_in_moto(table).stream_shard.items]
    images = [(each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage")) for each in records]
    values = [tuple(image and image.get("v", {}).get("S") for image in pair) for pair in images]
    return [(each["eventName"], *pair) for each, pair in zip(records, values, strict=True)]


def update(session, table, value):
    session.client("dynamodb").update_item(
        TableName=table,
        Key={"k": {"S": "one"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"S": value}},
    )


def test_a_first_update_is_one_change_and_never_a_bare_key(session, table):
    update(session, table, "a")
    update(session, table, "b")
    session.client("dynamodb").delete_item(TableName=table, Key={"k": {"S": "one"}})

    assert changes(table) == [("INSERT", None, "a"), ("MODIFY", "a", "b"), ("REMOVE", "b", None)]


def test_a_stream_with_a_mapping_keeps_its_records_and_calls_nobody(session, table):
    mappings = table_in_moto(table).lambda_event_source_mappings
    mappings["arn:aws:lambda:eu-west-1:123456789012:function:f"] = SimpleNamespace()  # whose attributes moto would read

    for value in ("a", "b", "c"):
        update(session, table, value)

    assert len(changes(table)) == 3


def test_a_stack_with_a_bus_is_made_and_names_it(session):
    cloudformation = session.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE))

    made = cloudformation.describe_stack_resources(StackName="s")["StackResources"]
    assert {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in made}["Bus"] == "events"
    assert [each["Name"] for each in session.client("events").list_rules(EventBusName="events")["Rules"]] == ["rule"]
