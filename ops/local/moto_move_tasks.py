"""Message move tasks, which moto does not have: Start-, List- and CancelMessageMoveTask, as SQS documents them.

Standard queues only, and always with a DestinationArn: which queue a message died in is not known here.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sqs.exceptions import QueueDoesNotExist, SQSException
from moto.sqs.models import Message

FASTEST: Final = 500  # messages a second
MOST_LISTED: Final = 10
HIDDEN_SECONDS: Final = 60  # from its receive to its delete, a message that is moved is in flight

_TASKS = threading.RLock()
"""Every task is read and changed while this is held; it is taken before a queue's lock, never after."""


class ResourceNotFound(SQSException):
    """There is no such queue or task."""

    def __init__(self, what: str) -> None:
        super().__init__("ResourceNotFoundException", what)


class Unsupported(SQSException):
    """SQS does not do that."""

    def __init__(self, why: str) -> None:
        super().__init__("AWS.SimpleQueueService.UnsupportedOperation", why)


@dataclass
class Task:
    """One task: it receives from ``source``, sends to ``destination`` and deletes, as any client of the queues does."""

    backend: Any
    source: Any
    destination: Any
    rate: int | None
    to_move: int
    handle: str = field(default_factory=lambda: secrets.token_urlsafe(64))
    started: float = field(default_factory=time.time)
    status: str = "RUNNING"
    moved: int = 0

    def run(self) -> None:
        """Move what can be received, in its order, until nothing is left or the task was canceled."""
        begun = time.monotonic()
        while self._move_one():
            if self.rate is not None:
                time.sleep(max(0.0, begun + self.moved / self.rate - time.monotonic()))

    def _move_one(self) -> bool:
        with _TASKS:
            if self.status != "RUNNING":
                return False
            try:
                received = self.backend.receive_message(self.source.name, 1, 0, HIDDEN_SECONDS, ["All"])
            except QueueDoesNotExist:  # deleted meanwhile
                self.status = "FAILED"
                return False
            if not received:
                self.status = "COMPLETED"
                return False
            self.destination.add_message(_sent_anew(received[0]))
            self.source.delete_message(received[0].receipt_handle)
            self.moved += 1
            return True

    def entry(self) -> dict[str, Any]:
        """The task, as ListMessageMoveTasks answers."""
        answer: dict[str, Any] = {
            "Status": self.status,
            "SourceArn": self.source.queue_arn,
            "DestinationArn": self.destination.queue_arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": int(self.started * 1000),
        }
        answer |= {"MaxNumberOfMessagesPerSecond": self.rate} if self.rate is not None else {}
        return answer | ({"TaskHandle": self.handle} if self.status == "RUNNING" else {})


def _sent_anew(message: Any) -> Any:
    """The message with a new id, time and receive count, which is what a move gives it."""
    sent = Message(str(uuid.uuid4()), message.body, message.system_attributes)
    sent.message_attributes = message.message_attributes
    sent.group_id = message.group_id
    sent.mark_sent()
    return sent


def start_message_move_task(response: Any) -> ActionResult:
    """Start a task; its answer names the task's handle."""
    source = _queue(response, response._get_param("SourceArn"))
    if not (destination_arn := response._get_param("DestinationArn")):
        raise Unsupported("CouldNotDetermineMessageSource: the local stack needs a DestinationArn")
    destination = _queue(response, destination_arn)
    rate = response._get_param("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= int(rate) <= FASTEST:
        raise SQSException("InvalidParameterValue", f"MaxNumberOfMessagesPerSecond is 1 to {FASTEST}, not {rate}")
    with _TASKS:
        _refuse_what_is_no_dead_letter_queue(response, source)
        if any(task.status == "RUNNING" for task in _tasks(source)):
            raise Unsupported("There is already a task running. Only one active task is allowed for a source queue.")
        waiting = source.approximate_number_of_messages
        task = Task(response.sqs_backend, source, destination, None if rate is None else int(rate), waiting)
        _tasks(source).append(task)
    threading.Thread(target=task.run, name="move task", daemon=True).start()
    return ActionResult({"TaskHandle": task.handle})


def list_message_move_tasks(response: Any) -> ActionResult:
    """The latest tasks of a source queue, newest first."""
    source = _queue(response, response._get_param("SourceArn"))
    most = int(response._get_param("MaxResults") or 1)
    if not 1 <= most <= MOST_LISTED:
        raise SQSException("InvalidParameterValue", f"MaxResults is 1 to {MOST_LISTED}, not {most}")
    with _TASKS:
        return ActionResult({"Results": [task.entry() for task in reversed(_tasks(source)[-most:])]})


def cancel_message_move_task(response: Any) -> ActionResult:
    """Cancel a task that is running; what it has moved stays moved."""
    handle = response._get_param("TaskHandle")
    with _TASKS:
        for queue in response.sqs_backend.queues.values():
            for task in _tasks(queue):
                if task.handle == handle and task.status == "RUNNING":
                    task.status = "CANCELLED"
                    return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
    raise ResourceNotFound("no task of this handle is running")


ACTIONS: Final = (start_message_move_task, list_message_move_tasks, cancel_message_move_task)


def _queue(response: Any, arn: str) -> Any:
    try:
        return response.sqs_backend.get_queue(str(arn).rpartition(":")[2])
    except QueueDoesNotExist as error:
        raise ResourceNotFound(f"The resource that you specified for the ARN {arn} doesn't exist.") from error


def _refuse_what_is_no_dead_letter_queue(response: Any, source: Any) -> None:
    if not any(queue.dead_letter_queue is source for queue in response.sqs_backend.queues.values()):
        raise SQSException("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")


def _tasks(queue: Any) -> list[Task]:
    tasks: list[Task] = queue.__dict__.setdefault("message_move_tasks", [])
    return tasks
