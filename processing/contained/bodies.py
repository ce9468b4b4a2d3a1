"""The memory of the objects' bodies while they are worked on."""

from collections.abc import Iterator
from contextlib import contextmanager

from processing.capacity import Capacity
from processing.contained.room import Room
from processing.pace import Pace


class Bodies:
    """Holds room for what is fetched, and lets the pace learn what an object takes; threads share it.

    Args:
        largest: bytes of the largest body that is ever fetched.
    """

    def __init__(self, capacity: Capacity, pace: Pace, largest: int) -> None:
        self._capacity = capacity
        self._pace = pace
        self._largest = largest
        self._room = Room(capacity.bodies)

    @contextmanager
    def hold(self, size: int | None) -> Iterator[None]:
        """Work on an object of so many bytes, or of any size where None is told; waits until there is room."""
        megabytes = self._capacity.megabytes_of(self._largest if size is None else min(self._largest, size))
        with self._room.take(megabytes), self._pace.object():
            yield
