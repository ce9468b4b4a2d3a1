"""The queue's contract, for the double and for SQS in moto alike."""

import json
from typing import Any

import boto3
import pytest

from processing.errors import OutOfTime, Unavailable
from processing.messages import SqsQueue
from tests.doubles import MemoryQueue
from tests.processing.conftest import Clock

RECEIVES = 3

pytestmark = pytest.mark.usefixtures("aws")


class MotoDesk:
    """A queue with a dead-letter queue on moto, whose visibility timeouts are read instead of waited for."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs")
        self.dlq = self.sqs.create_queue(QueueName="uploads-dlq")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(RECEIVES)})
        self.url = self.sqs.create_queue(
            QueueName="uploads", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "300"}
        )["QueueUrl"]
        self.queue = SqsQueue(self.sqs, self.url)

    def receive(self) -> list[tuple[str, int, str]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
        )
        return [
            (message["MessageId"], int(message["Attributes"]["ApproximateReceiveCount"]), message["ReceiptHandle"])
            for message in answer.get("Messages", [])
        ]

    def delete(self, handle: str) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)

    def dead(self) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.dlq, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send_and_receive(self, count: int) -> list[str]:
        for number in range(count):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=str(number))
        handles: list[str] = []
        while len(handles) < count:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=300)
            handles += [message["ReceiptHandle"] for message in answer["Messages"]]
        return handles

    def visible(self) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


class MemoryDesk:
    def __init__(self) -> None:
        self._clock = Clock()
        self.queue = MemoryQueue(self._clock, visibility_timeout=300, max_receive_count=RECEIVES)

    def receive(self) -> list[tuple[str, int, str]]:
        return [(message.id, message.receives, message.handle) for message in self.queue.receive()]

    def delete(self, handle: str) -> None:
        self.queue.delete(handle)

    def dead(self) -> int:
        return len(self.queue.dead)

    def send_and_receive(self, count: int) -> list[str]:
        for number in range(count):
            self.queue.send(str(number))
        return [message.handle for message in self.queue.receive(count)]

    def visible(self) -> int:
        return sum(message.visible_at <= self._clock() for message in self.queue.messages.values())


@pytest.fixture(params=[MemoryDesk, MotoDesk])
def desk(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_a_message_postponed_to_now_is_visible_at_once_and_another_is_not(desk: Any) -> None:
    first, second = desk.send_and_receive(2)

    desk.queue.postpone({first: 0, second: 60})

    assert desk.visible() == 1


def test_more_messages_than_one_request_takes_are_all_postponed(desk: Any) -> None:
    handles = desk.send_and_receive(23)

    desk.queue.postpone(dict.fromkeys(handles, 0))

    assert desk.visible() == 23


def test_a_received_message_is_hidden_and_counted_and_comes_back_when_it_was_postponed_to_now(desk: Any) -> None:
    (first,) = desk.send_and_receive(1)
    assert desk.receive() == []

    desk.queue.postpone({first: 0})

    ((_, receives, _),) = desk.receive()
    assert receives == 2


def test_a_message_received_too_often_is_dead_and_keeps_its_neighbors_alive(desk: Any) -> None:
    poison, healthy = desk.send_and_receive(2)
    desk.delete(healthy)
    for _ in range(RECEIVES - 1):
        desk.queue.postpone({poison: 0})
        ((_, _, poison),) = desk.receive()
    desk.queue.postpone({poison: 0})

    assert desk.receive() == []
    assert desk.dead() == 1


def test_a_deleted_message_does_not_come_back(desk: Any) -> None:
    (handle,) = desk.send_and_receive(1)

    desk.delete(handle)

    assert desk.visible() == 0
    assert desk.receive() == []


def test_nothing_is_asked_of_sqs_for_nothing(desk: Any) -> None:
    desk.queue.postpone({})

    assert desk.visible() == 0


class Refusing:
    """An SQS that refuses the second entry of every request, and every second request."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803 - boto3's
        self.requests.append(len(Entries))
        return {"Failed": [{"Id": Entries[1]["Id"], "Code": "InternalError"}]}


def test_what_sqs_refuses_is_told_after_all_was_asked_for() -> None:
    sqs = Refusing()

    with pytest.raises(Unavailable, match="2 entries not changed"):
        SqsQueue(sqs, "url").postpone({str(number): 0 for number in range(15)})

    assert sqs.requests == [10, 5]


class Ended:
    """An SQS client in the last moment of an invocation."""

    def change_message_visibility_batch(self, **_: Any) -> Any:
        raise OutOfTime("sqs:ChangeMessageVisibilityBatch: the invocation ends in 0.1 s")


def test_when_no_time_is_left_to_ask_sqs_that_is_said_as_any_refusal() -> None:
    with pytest.raises(Unavailable, match="OutOfTime: 1 entries not changed"):
        SqsQueue(Ended(), "url").postpone({"handle": 0})
