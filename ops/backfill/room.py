"""How many messages may wait: no more are sent while the queue holds as many as were allowed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LOOK_AGAIN: Final = 2.0  # seconds


@dataclass
class Room:
    """What a queue has room for.

    Args:
        depth: messages in the queue at most. SQS counts with a delay, so this is about right.
        held: asks how many are in the queue.
        pause: waits for so many seconds.
    """

    depth: int
    held: Callable[[], int]
    pause: Callable[[float], None] = time.sleep
    _left: int = field(default=0, init=False)

    def wait(self, messages: int) -> None:
        """Return when the queue has room for so many more."""
        while self._left < messages:
            held = self.held()
            self._left = self.depth - held
            if held == 0:
                self._left = max(self._left, messages)  # an empty queue takes a batch, however little it may hold
            elif self._left < messages:
                self.pause(LOOK_AGAIN)
        self._left -= messages
