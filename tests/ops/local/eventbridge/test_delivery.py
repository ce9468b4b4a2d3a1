"""Rules in the emulator deliver as EventBridge does: with permission, once more where it may help, else to a queue."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from ops.local.event_queue import subscribe_queue
from ops.local.eventbridge.delivery import broken_limit
from tests.ops.local.conftest import REGION, wait_until
from tests.webhook import webhook

ACCOUNT = "123456789012"
SECRET = {"ApiKeyName": "X-Secret", "ApiKeyValue": "open sesame"}
WRITE_DOWN = {
    "StartAt": "Write",
    "States": {
        "Write": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "", "MessageBody.$": "$"},
            "End": True,
        }
    },
}


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Bus:
    """A bus of its own with one rule, a dead-letter queue that the rule may send to, and what a target may need."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.name = f"bus-{uuid.uuid4().hex[:8]}"
        self.events, self.sqs, self.sns, self.iam, self.states = (
            emulator.client(name) for name in ("events", "sqs", "sns", "iam", "stepfunctions")
        )
        self.events.create_event_bus(Name=self.name)
        pattern = json.dumps({"source": ["darkroom"]})
        self.rule = self.events.put_rule(Name="rule", EventBusName=self.name, EventPattern=pattern)["RuleArn"]
        self.dlq_url, self.dlq = self.queue("dlq", open_to=self.rule)

    def queue(self, kind, *, open_to=None):
        """A queue's URL and ARN; its policy lets a rule in."""
        url = self.sqs.create_queue(QueueName=f"{self.name}-{kind}")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}-{kind}"
        if open_to:
            policy = self.policy("sqs:SendMessage", arn, open_to)
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    @staticmethod
    def policy(action, resource, rule):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": action,
            "Resource": resource,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        return document(statement)

    def role(self, action, *, service="events.amazonaws.com"):
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        name = f"{self.name}-{uuid.uuid4().hex[:4]}"
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
        self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(allowed))
        return role["Role"]["Arn"]

    def topic(self):
        """A topic with the policy that it has at first, and a queue that subscribes to it."""
        topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        url, arn = self.queue("subscriber")
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic, url

    def machine(self, kind="STANDARD"):
        """A state machine that sends its input to a queue, and the queue's URL."""
        url, _ = self.queue("written")
        definition = json.loads(json.dumps(WRITE_DOWN))
        definition["States"]["Write"]["Parameters"]["QueueUrl"] = url
        role = self.role("sqs:SendMessage", service="states.amazonaws.com")
        machine = self.states.create_state_machine(
            name=self.name, type=kind, roleArn=role, definition=json.dumps(definition)
        )
        return machine["stateMachineArn"], url

    def destination(self, url):
        connection = self.events.create_connection(
            Name=self.name, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": SECRET}
        )["ConnectionArn"]
        return self.events.create_api_destination(
            Name=self.name, ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST"
        )["ApiDestinationArn"]

    def target(self, arn, **more):
        target = {"Id": "target", "Arn": arn, "DeadLetterConfig": {"Arn": self.dlq}, **more}
        self.events.put_targets(Rule="rule", EventBusName=self.name, Targets=[target])

    def put(self, **detail):
        entry = {"Source": "darkroom", "DetailType": "Image Ready", "Detail": json.dumps(detail or {"a": 1})}
        answer = self.events.put_events(Entries=[{**entry, "EventBusName": self.name}])
        assert answer["FailedEntryCount"] == 0
        return answer["Entries"][0]["EventId"]

    def received(self, url, seconds=0):
        messages = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=seconds
        )
        return messages.get("Messages", [])

    def set_aside(self):
        """The attributes of the one message in the dead-letter queue, and its event."""
        (message,) = self.received(self.dlq_url, 20)
        attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
        return attributes, json.loads(message["Body"])


@pytest.fixture
def bus(emulator):
    return Bus(emulator)


def test_a_queue_that_lets_the_rule_in_gets_the_whole_event(bus):
    url, arn = bus.queue("q", open_to=bus.rule)
    bus.target(arn)

    event_id = bus.put(a=1)

    (message,) = bus.received(url)
    event = json.loads(message["Body"])
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "id": event_id,
        "detail-type": "Image Ready",
        "source": "darkroom",
        "account": ACCOUNT,
        "region": REGION,
        "resources": [],
        "detail": {"a": 1},
    }
    assert bus.received(bus.dlq_url) == []


@pytest.mark.parametrize("policy", ["none", "of-another-rule"])
def test_a_queue_that_does_not_gets_nothing_and_the_event_is_set_aside_with_its_cause(bus, policy):
    url, arn = bus.queue("q", open_to=f"{bus.rule}-other" if policy == "of-another-rule" else None)
    bus.target(arn)

    event_id = bus.put()

    attributes, event = bus.set_aside()
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (bus.rule, arn)
    assert event["id"] == event_id
    assert bus.received(url) == []


def test_a_topic_needs_a_policy_that_lets_the_rule_in(bus):
    topic, url = bus.topic()
    bus.target(topic)

    bus.put(a=1)
    refused, _ = bus.set_aside()
    bus.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=bus.policy("sns:Publish", topic, bus.rule)
    )
    bus.put(a=2)

    (message,) = bus.received(url)
    assert json.loads(json.loads(message["Body"])["Message"])["detail"] == {"a": 2}
    assert refused["ERROR_CODE"] == "NO_PERMISSIONS"


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_state_machine_starts_with_the_event_and_asks_the_emulator(bus, kind):
    machine, url = bus.machine(kind)
    bus.target(machine, RoleArn=bus.role("states:StartExecution"))

    event_id = bus.put()

    (message,) = bus.received(url, 20)
    assert json.loads(message["Body"])["id"] == event_id
    if kind == "STANDARD":
        (execution,) = bus.states.list_executions(stateMachineArn=machine)["executions"]
        assert execution["status"] in ("RUNNING", "SUCCEEDED")
    else:
        with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
            bus.states.list_executions(stateMachineArn=machine)


@pytest.mark.parametrize(
    ("role", "code"),
    [
        ({"action": "states:StartExecution", "service": "states.amazonaws.com"}, "FAILED_TO_ASSUME_ROLE"),
        ({"action": "states:DescribeExecution"}, "NO_PERMISSIONS"),
        (None, "FAILED_TO_ASSUME_ROLE"),
    ],
    ids=["of-another-service", "without-the-right", "gone"],
)
def test_a_state_machine_needs_a_role_that_may_start_it(bus, role, code):
    machine, _ = bus.machine()
    bus.target(machine, RoleArn=bus.role(**role) if role else f"arn:aws:iam::{ACCOUNT}:role/gone")

    bus.put()

    attributes, _ = bus.set_aside()
    assert attributes["ERROR_CODE"] == code
    assert bus.states.list_executions(stateMachineArn=machine)["executions"] == []


def test_a_managed_policy_of_the_role_counts(bus):
    machine, url = bus.machine()
    role = bus.role("states:DescribeExecution")
    allowed = document({"Effect": "Allow", "Action": "states:*", "Resource": machine})
    policy = bus.iam.create_policy(PolicyName=bus.name, PolicyDocument=allowed)["Policy"]["Arn"]
    bus.iam.attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=policy)
    bus.target(machine, RoleArn=role)

    bus.put()

    assert len(bus.received(url, 20)) == 1


def test_a_webhook_gets_the_event_with_the_secret_of_its_connection(bus):
    with webhook() as server:
        bus.target(bus.destination(server.url), RoleArn=bus.role("events:InvokeApiDestination"))
        event_id = bus.put()

        posted = server.posted.get(timeout=20)

    assert (posted.method, posted.path) == ("POST", "/darkroom")
    assert posted.headers["x-secret"] == "open sesame"
    assert posted.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(posted.body)["id"] == event_id


@pytest.mark.parametrize("status", [503, 429, 409])
def test_a_webhook_that_is_in_trouble_is_asked_again(bus, status):
    with webhook(status) as server:
        bus.target(bus.destination(server.url), RoleArn=bus.role("events:InvokeApiDestination"))
        bus.put()

        first, second = (server.posted.get(timeout=20).body for _ in range(2))

    assert first == second
    assert bus.received(bus.dlq_url) == []


@pytest.mark.parametrize("status", [400, 302, 401])
def test_a_webhook_that_refuses_is_not_asked_again_and_nowhere_else(bus, status):
    with webhook(status) as server:
        bus.target(bus.destination(server.url), RoleArn=bus.role("events:InvokeApiDestination"))
        event_id = bus.put()
        attributes, event = bus.set_aside()

        assert server.posted.qsize() == 1

    assert (attributes["ERROR_CODE"], attributes["ERROR_MESSAGE"]) == ("ERROR_FROM_TARGET", f"HTTP status {status}")
    assert event["id"] == event_id


def test_retries_end_with_the_targets_policy(bus):
    with webhook() as server:
        url = server.url  # where nobody listens any more
    role = bus.role("events:InvokeApiDestination")
    bus.target(bus.destination(url), RoleArn=role, RetryPolicy={"MaximumRetryAttempts": 1})

    bus.put()

    attributes, _ = bus.set_aside()
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("CONNECTION_FAILURE", "1")
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_webhook_needs_a_role_that_may_call_it(bus):
    with webhook() as server:
        bus.target(bus.destination(server.url), RoleArn=bus.role("states:StartExecution"))
        bus.put()
        attributes, _ = bus.set_aside()

        assert server.posted.empty()
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"


@pytest.mark.parametrize(
    "url", ["https://www.example.com/", "http://127.0.0.1@www.example.com/", "http://10.0.0.1:80/"]
)
def test_nothing_is_sent_beyond_this_machine_and_that_is_said_at_once(bus, url):
    with webhook() as server:
        bus.destination(server.url)
    topic, _ = bus.topic()
    attempts = [
        lambda: bus.destination(url),
        lambda: bus.events.update_api_destination(Name=bus.name, InvocationEndpoint=url),
        lambda: bus.sns.subscribe(TopicArn=topic, Protocol=url.partition(":")[0], Endpoint=url),
    ]

    for attempt in attempts:
        with pytest.raises(ClientError, match="sends nothing beyond this machine"):
            attempt()


@pytest.mark.parametrize(
    ("arn", "fault"),
    [
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "does not deliver events to lambda"),
        (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m", "RoleArn is required"),
        (f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1", "RoleArn is required"),
    ],
)
def test_a_target_that_cannot_be_is_refused_when_it_is_put(bus, arn, fault):
    with pytest.raises(ClientError, match=fault):
        bus.target(arn)


def test_a_template_of_the_target_that_makes_no_json_sets_the_event_aside(bus):
    _, arn = bus.queue("q", open_to=bus.rule)
    bus.target(arn, InputTransformer={"InputPathsMap": {"key": "$.detail.key"}, "InputTemplate": '"<key>"'})

    bus.put(key='a "b"')

    attributes, event = bus.set_aside()
    assert attributes["ERROR_CODE"] == "INVALID_JSON"
    assert event["detail"] == {"key": 'a "b"'}


def test_a_target_that_fails_takes_nothing_from_the_others(bus):
    url, arn = bus.queue("q", open_to=bus.rule)
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    targets = [{"Id": "gone", "Arn": gone, "DeadLetterConfig": {"Arn": gone}}, {"Id": "q", "Arn": arn}]
    bus.events.put_targets(Rule="rule", EventBusName=bus.name, Targets=targets)

    bus.put()

    assert len(bus.received(url)) == 1
    wait_until(lambda: "the event is lost" in bus.emulator._log.read_text())


def test_a_rule_that_is_disabled_delivers_nothing(bus):
    url, arn = bus.queue("q", open_to="*")
    bus.target(arn)
    bus.events.disable_rule(Name="rule", EventBusName=bus.name)
    bus.put()
    bus.events.enable_rule(Name="rule", EventBusName=bus.name)
    bus.put(a=2)

    (message,) = bus.received(url)
    assert json.loads(message["Body"])["detail"] == {"a": 2}


def test_a_rule_with_a_schedule_delivers_no_event(bus):
    url, arn = bus.queue("q", open_to="*")
    bus.events.put_rule(Name=bus.name, ScheduleExpression="rate(1 day)")
    bus.events.put_targets(Rule=bus.name, Targets=[{"Id": "q", "Arn": arn}])

    bus.events.put_events(Entries=[{"Source": "darkroom", "DetailType": "Image Ready", "Detail": "{}"}])

    assert bus.received(url) == []


@pytest.mark.parametrize(
    ("policy", "retry", "age", "limit"),
    [
        ({}, 185, 86_399, ""),
        ({}, 186, 1, "MaximumRetryAttempts"),
        ({}, 1, 86_401, "MaximumEventAgeInSeconds"),
        ({"MaximumRetryAttempts": 0}, 1, 1, "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, 1, 61, "MaximumEventAgeInSeconds"),
        ({"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}, 3, 59, ""),
    ],
)
def test_an_event_is_tried_again_within_both_limits(policy, retry, age, limit):
    assert broken_limit(policy, retry, age) == limit


def test_a_queue_that_subscribes_as_a_receiver_would_gets_the_events(bus):
    url = subscribe_queue(bus.emulator.client, f"{bus.name}-sub", bus.name)

    bus.put()

    assert len(bus.received(url)) == 1
