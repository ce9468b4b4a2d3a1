"""The event source mapping, played as Lambda plays it: poll, batch, invoke, delete what succeeded."""

from dataclasses import dataclass


@dataclass
class Counts:
    """What the player has done so far."""

    invocations: int = 0
    batches: int = 0
    messages: int = 0
    deleted: int = 0
    timeouts: int = 0
    failures: int = 0


class Player:
    """Keeps up to a number of execution environments busy with one queue's messages."""

    counts: Counts

    def start(self) -> None:
        """Begin to poll; returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop polling, let running invocations end (their timeout bounds the wait), end every process."""
        raise NotImplementedError
