"""Memory shared by threads, for pixels and for bodies: who needs more than is left waits, first come, first served."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from processing.errors import ImageTooLarge
from processing.sandbox.capacity import COPIES, MEGABYTE, Capacity


class MemoryBudget:
    """So many megabytes; what is taken never sums up to more."""

    def __init__(self, megabytes: float) -> None:
        self.megabytes = megabytes
        self._free = megabytes
        self._queue: deque[object] = deque()  # in the order of asking, so that a large image is not passed for ever
        self._changed = threading.Condition()

    @property
    def free(self) -> float:
        """What nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many are waiting for room."""
        return len(self._queue)

    def check(self, megabytes: float) -> None:
        """Before an image of this price is decoded.

        Raises:
            ImageTooLarge: it does not fit, even alone.
        """
        if megabytes > self.megabytes:
            raise ImageTooLarge(
                f"it would take {megabytes:,.0f} MB to render; this function has {self.megabytes:,.0f} for it"
            )

    @contextmanager
    def take(self, megabytes: float) -> Iterator[float]:
        """Wait until there is room, and hold it; more than there is in all means to be alone. Gives what is held."""
        held = min(megabytes, self.megabytes)
        turn = object()
        with self._changed:
            self._queue.append(turn)
            try:
                self._changed.wait_for(lambda: self._queue[0] is turn and held <= self._free)
                self._free -= held
            finally:
                self._queue.remove(turn)
                self._changed.notify_all()
        try:
            yield held
        finally:
            with self._changed:
                self._free += held
                self._changed.notify_all()


class FetchBudget:
    """The memory of the objects' bodies while they are worked on; threads share it.

    Args:
        largest: bytes of the largest body that is ever fetched.
    """

    def __init__(self, capacity: Capacity, largest: int) -> None:
        self._largest = largest
        self._room = MemoryBudget(capacity.bodies)

    @contextmanager
    def hold(self, size: int | None) -> Iterator[None]:
        """Work on an object of so many bytes, or of any size where None is told; waits until there is room."""
        held = self._largest if size is None else min(self._largest, size)
        with self._room.take(COPIES * held / MEGABYTE):
            yield
