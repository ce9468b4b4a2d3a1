"""A queue that gets what comes to a bus, as a receiver's stack would make one: queue, policy, rule."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from ops.local.template import Client
from processing.outbox import SOURCE

TARGET = "queue"


def subscribe_queue(client: Client, name: str, bus: str) -> str:
    """Make a queue and a rule of this name, by which it gets every event of ours; returns its URL."""
    sqs, events = client("sqs"), client("events")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": TARGET, "Arn": arn}])
    return url


@contextmanager
def subscribed_queue(client: Client, name: str, bus: str) -> Iterator[str]:
    """The same while the block runs; what breaks it off ends the emulator, and asks nothing more of it."""
    url = subscribe_queue(client, name, bus)
    yield url
    client("events").remove_targets(Rule=name, EventBusName=bus, Ids=[TARGET])
    client("events").delete_rule(Name=name, EventBusName=bus)
    client("sqs").delete_queue(QueueUrl=url)
