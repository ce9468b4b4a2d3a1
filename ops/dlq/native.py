"""SQS's own message move task: it moves every letter, at 500 a second at most, and needs no command to stay alive.

The destination is always named: without one, SQS cannot move what was sent to the dead-letter queue directly.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

PAUSE: Final = 1.0  # seconds between two looks
FASTEST: Final = 500  # messages a second
COMPLETED: Final = "COMPLETED"
ACTIVE: Final = ("RUNNING", "CANCELLING")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a task stands; ``why`` is told of one that failed."""

    status: str
    moved: int
    total: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves everything from one queue to another; ``sqs`` is a boto3 client. Only one task a queue runs at a time."""

    sqs: Any
    source_url: str
    destination_url: str
    pause: Callable[[float], None] = time.sleep

    def start(self, rate: int | None) -> str:
        """Begin; returns the handle by which the task is cancelled."""
        speed = {} if rate is None else {"MaxNumberOfMessagesPerSecond": rate}
        answer = self.sqs.start_message_move_task(
            SourceArn=self._arn(self.source_url), DestinationArn=self._arn(self.destination_url), **speed
        )
        return str(answer["TaskHandle"])

    def follow(self, on_progress: Callable[[Progress], object]) -> Progress:
        """Wait for the latest task's end."""
        while (progress := self._progress()).status in ACTIVE:
            on_progress(progress)
            self.pause(PAUSE)
        on_progress(progress)
        return progress

    def cancel(self, handle: str) -> int:
        """Stop a task; returns how many messages it has moved, which stay where they are now."""
        return int(self.sqs.cancel_message_move_task(TaskHandle=handle).get("ApproximateNumberOfMessagesMoved", 0))

    def _progress(self) -> Progress:
        (task,) = self.sqs.list_message_move_tasks(SourceArn=self._arn(self.source_url), MaxResults=1)["Results"]
        return Progress(
            status=task["Status"],
            moved=int(task.get("ApproximateNumberOfMessagesMoved", 0)),
            total=int(task.get("ApproximateNumberOfMessagesToMove", 0)),
            why=task.get("FailureReason", ""),
        )

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
