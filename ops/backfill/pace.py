"""How fast messages are sent: so many a second, and while so many wait at most."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LOOK_AGAIN: Final = 2.0  # seconds


@dataclass
class Pace:
    """Holds a sender back.

    Args:
        rate: messages a second; None for as many as go.
        depth: messages in the queue; None for as many as come. SQS counts with a delay, so this is about right.
        waiting: asks how many are in the queue.
        clock, pause: of seconds.
    """

    rate: float | None
    depth: int | None
    waiting: Callable[[], int]
    clock: Callable[[], float]
    pause: Callable[[float], None]
    _next: float = field(default=0.0, init=False)
    _room: int = field(default=0, init=False)

    def wait_for(self, messages: int) -> None:
        """Wait until so many messages may be sent."""
        self._wait_for_room(messages)
        if self.rate is None:
            return
        now = self.clock()
        if self._next > now:
            self.pause(self._next - now)
        self._next = max(self._next, now) + messages / self.rate

    def _wait_for_room(self, messages: int) -> None:
        if self.depth is None:
            return
        while self._room < messages:
            waiting = self.waiting()
            self._room = self.depth - waiting
            if waiting == 0:
                self._room = max(self._room, messages)  # an empty queue takes a batch, however little it may hold
            elif self._room < messages:
                self.pause(LOOK_AGAIN)
        self._room -= messages
