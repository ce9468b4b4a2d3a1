"""How much a queue holds: what waits, what is being worked on, and what is delayed. SQS's counts are approximate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

PREFIX: Final = "ApproximateNumberOfMessages"
COUNTS: Final = (PREFIX, f"{PREFIX}NotVisible", f"{PREFIX}Delayed")


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages in one queue."""

    waiting: int
    in_flight: int
    delayed: int

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> Self:
        """Out of a queue's attributes."""
        return cls(*(int(attributes[name]) for name in COUNTS))

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth_of(sqs: Any, url: str) -> Depth:
    """What a queue holds now; ``sqs`` is a boto3 client."""
    return Depth.of(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*COUNTS])["Attributes"])
