"""How much a queue holds: what waits, what is being worked on, and what is delayed. SQS's counts are approximate."""

from dataclasses import dataclass
from typing import Any

PREFIX = "ApproximateNumberOfMessages"


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages in one queue."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth_of(sqs: Any, url: str) -> Depth:
    """What a queue holds now; ``sqs`` is a boto3 client."""
    names = [PREFIX, f"{PREFIX}NotVisible", f"{PREFIX}Delayed"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return Depth(*(int(attributes[name]) for name in names))
