"""The memory of the objects' bodies while they are worked on."""

from collections.abc import Iterator
from contextlib import contextmanager

from processing.capacity import Capacity
from processing.contained.room import Room


class Bodies:
    """Holds room for what is fetched; threads share it.

    Args:
        largest: bytes of the largest body that is ever fetched.
    """

    def __init__(self, capacity: Capacity, largest: int) -> None:
        self._capacity = capacity
        self._largest = largest
        self._room = Room(capacity.bodies)

    @contextmanager
    def hold(self, size: int | None) -> Iterator[None]:
        """Work on an object of so many bytes, or of any size where None is told; waits until there is room."""
        megabytes = self._capacity.megabytes_of(self._largest if size is None else min(self._largest, size))
        with self._room.take(megabytes):
            yield
