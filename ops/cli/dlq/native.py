"""SQS's own message move task: it moves every message, at most 500 a second, and needs no command to stay alive.

The destination is always named: without one, SQS cannot move what was sent to the dead-letter queue directly.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ops.cli.dlq.history import DONE, Entry, new_entry, recorded
from ops.cli.stage import Stage
from ops.cli.terminal import stderr
from ops.errors import UsageError

PAUSE: Final = 1.0  # seconds between two requests for the task's progress
MAX_RATE: Final = 500  # messages a second
COMPLETED: Final = "COMPLETED"
ACTIVE: Final = ("RUNNING", "CANCELLING")


def move_all(stage: Stage, rate: float | None) -> Entry:
    """Have SQS move every message to the uploads queue; Ctrl-C cancels that.

    Raises:
        UsageError: SQS takes no such rate, or moves these messages already.
    """
    if rate is not None and not 1 <= rate <= MAX_RATE:
        raise UsageError(f"SQS moves 1 to {MAX_RATE} messages a second: give a --rate in this range, or none")
    task = MoveTask(stage.client("sqs"), stage.dlq_url, stage.queue_url)
    entry = new_entry(stage, "native redrive", "--all")
    columns = TextColumn("moved"), BarColumn(), MofNCompleteColumn()
    console = stderr()
    showing = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    if task.is_running():
        raise UsageError("SQS is already moving these messages, and runs one such task per queue: wait until it ends")
    with recorded(stage, entry) as history, showing as bars:
        bar = bars.add_task("moved", total=None)

        def note(progress: MoveProgress) -> None:
            entry.messages, entry.sent = progress.total, progress.moved
            bars.update(bar, total=progress.total or None, completed=progress.moved)

        try:
            task.start(None if rate is None else int(rate))
            end = task.follow(note)
        except KeyboardInterrupt:
            entry.sent = task.cancel()
            stderr().print(f"canceled: {entry.sent} were already moved, and stay in the uploads queue")
            raise
        history.end(entry, DONE if end.status == COMPLETED else end.status.lower(), end.why)
    return entry


@dataclass(frozen=True, slots=True)
class MoveProgress:
    """Where a task stands; ``why`` is the reason of one that failed."""

    status: str
    moved: int
    total: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class MoveTask:
    """Moves everything from one queue to another; ``sqs`` is a boto3 client. SQS runs one such task per queue."""

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

    def follow(self, on_progress: Callable[[MoveProgress], object]) -> MoveProgress:
        """Wait for the latest task's end."""
        while (progress := self._progress()).status in ACTIVE:
            on_progress(progress)
            self.pause(PAUSE)
        on_progress(progress)
        return progress

    def cancel(self) -> int:
        """Stop the task that runs, if one does; returns how many messages it has moved, which stay where they are now.

        The handle is requested, since a command interrupted in `start` may have a task and not know its handle yet.
        """
        tasks = self._tasks()
        if not tasks or tasks[0]["Status"] not in ACTIVE:
            return int(tasks[0].get("ApproximateNumberOfMessagesMoved", 0)) if tasks else 0
        answer = self.sqs.cancel_message_move_task(TaskHandle=tasks[0]["TaskHandle"])
        return int(answer.get("ApproximateNumberOfMessagesMoved", 0))

    def is_running(self) -> bool:
        """Whether a task runs already, ours or another's."""
        return any(task["Status"] in ACTIVE for task in self._tasks())

    def _tasks(self) -> list[dict[str, Any]]:
        """The latest task, if there was one."""
        answer = self.sqs.list_message_move_tasks(SourceArn=self._arn(self.source_url), MaxResults=1)
        tasks: list[dict[str, Any]] = answer.get("Results", [])
        return tasks

    def _progress(self) -> MoveProgress:
        (task,) = self._tasks()
        return MoveProgress(
            status=task["Status"],
            moved=int(task.get("ApproximateNumberOfMessagesMoved", 0)),
            total=int(task.get("ApproximateNumberOfMessagesToMove", 0)),
            why=task.get("FailureReason", ""),
        )

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
