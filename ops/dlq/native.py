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

    def start(self, rate: int | None) -> None:
        """Begin."""
        speed = {} if rate is None else {"MaxNumberOfMessagesPerSecond": rate}
        self.sqs.start_message_move_task(
            SourceArn=self._arn(self.source_url), DestinationArn=self._arn(self.destination_url), **speed
        )

    def follow(self, on_progress: Callable[[Progress], object]) -> Progress:
        """Wait for the latest task's end."""
        while (progress := self._progress()).status in ACTIVE:
            on_progress(progress)
            self.pause(PAUSE)
        on_progress(progress)
        return progress

    def cancel(self) -> int:
        """Stop the task that runs, if one does; returns how many messages it has moved, which stay where they are now.

        The handle is asked for, since whoever is interrupted in `start` may have a task and not know its handle yet.
        """
        tasks = self._tasks()
        if not tasks or tasks[0]["Status"] not in ACTIVE:
            return int(tasks[0].get("ApproximateNumberOfMessagesMoved", 0)) if tasks else 0
        answer = self.sqs.cancel_message_move_task(TaskHandle=tasks[0]["TaskHandle"])
        return int(answer.get("ApproximateNumberOfMessagesMoved", 0))

    def is_moving(self) -> bool:
        """Whether somebody's task runs already."""
        return any(task["Status"] in ACTIVE for task in self._tasks())

    def _tasks(self) -> list[dict[str, Any]]:
        """The latest task, if there was one."""
        answer = self.sqs.list_message_move_tasks(SourceArn=self._arn(self.source_url), MaxResults=1)
        tasks: list[dict[str, Any]] = answer.get("Results", [])
        return tasks

    def _progress(self) -> Progress:
        (task,) = self._tasks()
        return Progress(
            status=task["Status"],
            moved=int(task.get("ApproximateNumberOfMessagesMoved", 0)),
            total=int(task.get("ApproximateNumberOfMessagesToMove", 0)),
            why=task.get("FailureReason", ""),
        )

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
