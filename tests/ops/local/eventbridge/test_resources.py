"""CloudFormation makes, changes and deletes what receivers consist of, as ``aws cloudformation deploy`` asks it to."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.receivers import RECEIVERS, SECRET_HEADER
from tests.webhook import webhook


@pytest.fixture
def name(emulator):
    name = f"stack-{uuid.uuid4().hex[:8]}"
    emulator.client("events").create_event_bus(Name=name)
    return name


def deploy(emulator, name, kind, *, template=None, **parameters):
    """As the AWS CLI does, by a change set; returns the physical id of each resource."""
    cloudformation = emulator.client("cloudformation")
    stacks = [each["StackName"] for each in cloudformation.list_stacks()["StackSummaries"]]
    change = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"change-{uuid.uuid4().hex[:8]}",
        ChangeSetType="UPDATE" if name in stacks else "CREATE",
        TemplateBody=template or RECEIVERS[kind],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in {"Bus": name, **parameters}.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )["Id"]
    cloudformation.execute_change_set(ChangeSetName=change)
    made = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}


def test_a_changed_url_is_that_of_the_same_destination(emulator, name):
    events = emulator.client("events")
    emulator.client("secretsmanager").create_secret(Name=name, SecretString='{"key": "open sesame"}')
    secret = {"Secret": f"{name}:SecretString:key"}
    made = deploy(emulator, name, "Webhook", Url="http://127.0.0.1:1/", **secret)
    first = events.describe_api_destination(Name=made["Destination"])
    with webhook() as server:
        changed = deploy(emulator, name, "Webhook", Url=server.url, **secret)
        entry = {"Source": "darkroom", "DetailType": "Image Ready", "Detail": "{}", "EventBusName": name}
        events.put_events(Entries=[entry])

        assert server.posted.get(timeout=20).headers[SECRET_HEADER] == "open sesame"
    second = events.describe_api_destination(Name=changed["Destination"])
    assert second["ApiDestinationArn"] == first["ApiDestinationArn"]


def test_a_stack_whose_webhook_is_elsewhere_is_refused_with_the_reason(emulator, name):
    emulator.client("secretsmanager").create_secret(Name=name, SecretString="x")

    with pytest.raises(ClientError, match="sends nothing beyond this machine"):
        deploy(emulator, name, "Webhook", Secret=name)


@pytest.mark.parametrize(("kind", "policy"), [("SQS queue", "Policy"), ("SNS topic", "QueuePolicy")])
def test_a_deleted_stack_leaves_nothing(emulator, name, kind, policy):
    parameters = {"Email": "a@example.com"} if kind == "SNS topic" else {}
    made = deploy(emulator, name, kind, **parameters)
    assert made[policy]

    emulator.client("cloudformation").delete_stack(StackName=name)

    assert emulator.client("events").list_rules(EventBusName=name)["Rules"] == []
    with pytest.raises(ClientError, match="NonExistentQueue"):
        emulator.client("sqs").get_queue_attributes(QueueUrl=made["Undelivered"], AttributeNames=["All"])


def test_without_its_policy_a_queue_and_a_topic_are_closed_again(emulator, name):
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}
    document = {"Version": "2012-10-17", "Statement": []}
    policies = {
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document},
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document},
        },
    }
    parameters = {"Bus": {"Type": "String"}}
    both = {"Queue": queue, "Topic": topic}
    with_policies = {"Parameters": parameters, "Resources": both | policies}
    made = deploy(emulator, name, "", template=json.dumps(with_policies))
    closed = policies_of(emulator, made)
    deploy(emulator, name, "", template=json.dumps({"Parameters": parameters, "Resources": both}))

    assert closed[1] == document
    assert policies_of(emulator, made)[0] == {}
    assert policies_of(emulator, made)[1]["Id"] == "__default_policy_ID"


def policies_of(emulator, made):
    queue = emulator.client("sqs").get_queue_attributes(QueueUrl=made["Queue"], AttributeNames=["Policy"])
    topic = emulator.client("sns").get_topic_attributes(TopicArn=made["Topic"])
    return json.loads(queue.get("Attributes", {}).get("Policy", "{}")), json.loads(topic["Attributes"]["Policy"])


def test_a_state_machine_has_the_definition_and_the_type_of_its_template(emulator, name):
    machine = deploy(emulator, name, "Step Functions")["Machine"]

    found = emulator.client("stepfunctions").describe_state_machine(stateMachineArn=machine)

    assert found["type"] == "EXPRESS"
    assert json.loads(found["definition"])["StartAt"] == "Look"


def test_a_state_machine_may_be_text_with_substitutions_and_have_its_arn_taken(emulator, name):
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/any",
            "DefinitionString": '{"StartAt": "${first}", "States": {"${first}": {"Type": "Succeed"}}}',
            "DefinitionSubstitutions": {"first": "Go"},
        },
    }
    topic = {
        "Type": "AWS::SNS::Topic",
        "Properties": {"DisplayName": {"Fn::GetAtt": ["Machine", "Arn"]}, "TopicName": name},
    }
    template = {"Parameters": {"Bus": {"Type": "String"}}, "Resources": {"Machine": machine, "Topic": topic}}

    made = deploy(emulator, name, "", template=json.dumps(template))

    found = emulator.client("stepfunctions").describe_state_machine(stateMachineArn=made["Machine"])
    shown = emulator.client("sns").get_topic_attributes(TopicArn=made["Topic"])["Attributes"]["DisplayName"]
    assert (json.loads(found["definition"])["StartAt"], found["type"]) == ("Go", "STANDARD")
    assert shown == made["Machine"]
