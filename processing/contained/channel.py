"""What goes between the consumer and its children: a small JSON object, and bytes in a memory file beside it.

A renderer has read whatever was uploaded, so nothing of what it says is ever unpickled. Neither /dev/shm nor semaphores
are needed, which Lambda does not have: a socket keeps the bounds of messages, and there is one file for each direction,
which stays: a new one for each body would cost twice the CPU, for the system to find and clear its pages.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

LONGEST: Final = 1 << 16  # bytes of a message without its body
LARGEST: Final = 1 << 29  # bytes of a body that is believed
KEPT: Final = 1 << 23  # bytes that a file keeps from one body to the next


class Gone(Exception):
    """The other side has ended, or talks nonsense."""


class Channel:
    """One end of a channel.

    Args:
        writes: the descriptor of the file for what is sent from this end.
        reads: of the other's.
    """

    def __init__(self, end: socket.socket, *, writes: int, reads: int) -> None:
        self._end = end
        self._writes = writes
        self._reads = reads

    @classmethod
    def pair(cls) -> "tuple[Channel, Channel]":
        """The two ends of a new channel."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        there, back = (os.memfd_create(name) for name in ("there", "back"))
        return cls(ours, writes=there, reads=back), cls(theirs, writes=os.dup(back), reads=os.dup(there))

    @classmethod
    def from_descriptors(cls, end: int, writes: int, reads: int) -> "Channel":
        """The end that was handed to this process."""
        return cls(socket.socket(fileno=end), writes=writes, reads=reads)

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """What a child process needs to have this end."""
        return self._end.fileno(), self._writes, self._reads

    def close(self) -> None:
        """Let go of this end."""
        self._end.close()
        os.close(self._writes)
        os.close(self._reads)

    def send(self, message: Mapping[str, Any], body: Sequence[bytes] = ()) -> None:
        """Send a message, and the parts of its body as one.

        The other side must have received the one before: so it is when each waits for the other's answer.

        Raises:
            Gone: nobody is there to receive it.
        """
        size = 0
        for part in body:
            size = _write(self._writes, part, size)
        try:
            self._end.sendall(json.dumps([message, size]).encode())
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone from error

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next message, and its body.

        Args:
            seconds: how long to wait for it; without end when not given.

        Raises:
            Gone: the other side has ended, or sent less than it said.
            TimeoutError: nothing came in time.
        """
        self._end.settimeout(seconds)
        try:
            line = self._end.recv(LONGEST)
        except ConnectionResetError as error:
            raise Gone from error
        if not line:
            raise Gone
        message, size = json.loads(line)
        return message, self._read(size)

    def _read(self, size: int) -> bytes:
        if not 0 <= size <= min(LARGEST, os.fstat(self._reads).st_size):
            raise Gone
        body = os.pread(self._reads, size, 0)  # in one: LARGEST is less than what the system reads at once
        if len(body) < size:
            raise Gone  # it was cut off meanwhile
        if size > KEPT:
            os.ftruncate(self._reads, 0)
        return body


def _write(file: int, part: bytes, at: int) -> int:
    rest = memoryview(part)
    while rest:
        written = os.pwrite(file, rest, at)
        rest, at = rest[written:], at + written
    return at
