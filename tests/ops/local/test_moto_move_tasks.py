"""The emulator moves messages from a dead-letter queue as SQS documents it."""

import functools
import json
import threading
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.local import moto_patches
from tests.ops.local.conftest import wait_until


@pytest.fixture
def sqs(monkeypatch):
    moto_patches.install(functools.partial(monkeypatch.setattr, raising=False))
    with mock_aws():
        yield boto3.client("sqs", aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")


@pytest.fixture
def queues(sqs):
    """A queue and its dead-letter queue: their URLs and ARNs."""
    return Queues(sqs)


class Queues:
    def __init__(self, sqs):
        self.sqs = sqs
        self.dlq = sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.dlq_arn = self.arn(self.dlq)
        policy = json.dumps({"deadLetterTargetArn": self.dlq_arn, "maxReceiveCount": 1})
        self.queue = sqs.create_queue(QueueName="alive", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        self.queue_arn = self.arn(self.queue)

    def arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def bury(self, count):
        for number in range(count):
            self.sqs.send_message(
                QueueUrl=self.dlq,
                MessageBody=f"letter {number}",
                MessageAttributes={"who": {"DataType": "String", "StringValue": str(number)}},
            )

    def start(self, **options):
        options = {"SourceArn": self.dlq_arn, "DestinationArn": self.queue_arn} | options
        return self.sqs.start_message_move_task(**options)["TaskHandle"]

    def latest(self):
        (task,) = self.sqs.list_message_move_tasks(SourceArn=self.dlq_arn)["Results"]
        return task

    def wait(self):
        wait_until(lambda: self.latest()["Status"] != "RUNNING")
        return self.latest()

    def receive(self, url):
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        return answer.get("Messages", [])


def test_every_message_is_moved_and_begins_anew(queues):
    queues.bury(3)
    (looked_at,) = queues.sqs.receive_message(QueueUrl=queues.dlq, VisibilityTimeout=0)["Messages"]

    queues.start()

    task = queues.wait()
    moved = queues.receive(queues.queue)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (
        "COMPLETED",
        3,
        3,
    )
    assert sorted(message["Body"] for message in moved) == ["letter 0", "letter 1", "letter 2"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in moved} == {"1"}
    assert looked_at["MessageId"] not in {message["MessageId"] for message in moved}
    assert {message["MessageAttributes"]["who"]["StringValue"] for message in moved} == {"0", "1", "2"}
    assert queues.receive(queues.dlq) == []


def test_what_is_hidden_stays(queues):
    queues.bury(2)
    queues.sqs.receive_message(QueueUrl=queues.dlq, VisibilityTimeout=60)

    queues.start()

    assert queues.wait()["ApproximateNumberOfMessagesMoved"] == 1


def test_the_rate_is_held(queues):
    queues.bury(10)
    begun = time.monotonic()

    queues.start(MaxNumberOfMessagesPerSecond=20)

    assert queues.wait()["MaxNumberOfMessagesPerSecond"] == 20
    assert 0.45 <= time.monotonic() - begun < 2


def test_a_task_that_runs_can_be_canceled_and_no_second_one_started(queues):
    queues.bury(5)
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    assert queues.latest()["TaskHandle"] == handle
    with pytest.raises(ClientError, match="Only one active task"):
        queues.start()

    moved = queues.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]

    task = queues.latest()
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("CANCELLED", moved)
    assert "TaskHandle" not in task
    assert moved + len(queues.receive(queues.dlq)) == 5
    with pytest.raises(ClientError, match="no task of this handle"):
        queues.sqs.cancel_message_move_task(TaskHandle=handle)


def test_the_latest_tasks_are_listed_first(queues):
    for count in (1, 2):
        queues.bury(count)
        queues.start()
        queues.wait()

    tasks = queues.sqs.list_message_move_tasks(SourceArn=queues.dlq_arn, MaxResults=10)["Results"]

    assert [task["ApproximateNumberOfMessagesMoved"] for task in tasks] == [2, 1]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"DestinationArn": ""}, "CouldNotDetermineMessageSource"),
        ({"MaxNumberOfMessagesPerSecond": 501}, "1 to 500"),
        ({"SourceArn": "arn:aws:sqs:eu-west-1:123456789012:nowhere"}, "doesn't exist"),
        ({"SourceArn": "arn:aws:sqs:eu-west-1:123456789012:alive"}, "Dead Letter Queue"),
    ],
)
def test_what_sqs_refuses_is_refused(queues, options, error):
    with pytest.raises(ClientError, match=error):
        queues.start(**options)


def test_a_task_ends_with_the_queue_it_moves_from(queues):
    """Its thread must not die of it: pytest would say so."""
    queues.bury(5)
    queues.start(MaxNumberOfMessagesPerSecond=20)

    queues.sqs.delete_queue(QueueUrl=queues.dlq)

    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "move task"])


def test_nothing_is_lost_between_two_threads(queues):
    """Receivers and a move share the dead-letter queue: each message is had by one of them."""
    queues.bury(60)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.extend(m for _ in range(8) for m in queues.receive(queues.dlq)))

    reader.start()
    queues.start()
    moved = queues.wait()["ApproximateNumberOfMessagesMoved"]
    reader.join()

    assert moved + len(received) == 60
