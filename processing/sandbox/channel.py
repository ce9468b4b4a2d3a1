"""What goes between the consumer and its children: a small JSON object, and bytes in a memory file beside it.

A renderer has read whatever was uploaded, so nothing of what it says is ever unpickled. Neither /dev/shm nor semaphores
are needed, which Lambda does not have: a socket keeps the bounds of messages, and there is one file for each direction,
which stays: a new one for each body would cost twice the CPU, for the system to find and clear its pages.

Each child has a channel of its own, which ends with it: no other process ever reads or writes these files.
"""

import json
import os
import socket
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

LONGEST: Final = 1 << 16  # bytes of a message without its body
LARGEST: Final = 1 << 29  # bytes of a body that is believed
KEPT: Final = 1 << 23  # bytes that a file keeps from one body to the next


class Gone(Exception):
    """The other side has ended."""


class Unread(Gone):
    """It ended before it had read what was sent to it: the system reports that apart (ECONNRESET, EPIPE)."""


class Nonsense(Exception):
    """The other side sent what cannot be, or what answers another question."""


class Channel:
    """One end of a channel; the files are closed with the object.

    Args:
        writes: the descriptor of the file for what is sent from this end.
        reads: of the other's.
    """

    def __init__(self, end: socket.socket, *, writes: int, reads: int) -> None:
        self._end = end
        self._writes = writes
        self._reads = reads
        self.close = weakref.finalize(self, _close, end, writes, reads)  # once, however often it is called

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """The two ends of a new channel."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            there, back = (os.memfd_create(name) for name in ("there", "back"))
        except (AttributeError, OSError):  # a system that has none, or refuses them
            ours.close()
            theirs.close()
            raise
        return cls(ours, writes=there, reads=back), cls(theirs, writes=os.dup(back), reads=os.dup(there))

    @classmethod
    def from_descriptors(cls, end: int, writes: int, reads: int) -> Self:
        """The end that was handed to this process."""
        return cls(socket.socket(fileno=end), writes=writes, reads=reads)

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """What a child process needs to have this end."""
        return self._end.fileno(), self._writes, self._reads

    def send(self, message: Mapping[str, Any], body: Sequence[bytes] = (), *, handing: "Channel | None" = None) -> None:
        """Send a message, and the parts of its body as one; and, if given, the end of another channel.

        The other side must have received the one before: so it is when each waits for the other's answer.

        Raises:
            Unread: nobody is there to receive it.
        """
        size = 0
        for part in body:
            size = self._write(part, size)
        descriptors = () if handing is None else handing.descriptors
        self._end.settimeout(None)
        try:
            socket.send_fds(self._end, [json.dumps([message, size]).encode()], descriptors)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Unread from error

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next message, and its body.

        Args:
            seconds: how long to wait for it; without end when not given.

        Raises:
            Gone: the other side has ended; Unread: before it read what this one had sent.
            Nonsense: what came is no message, or less than it says.
            TimeoutError: nothing came in time.
        """
        self._end.settimeout(seconds)
        try:
            line = self._end.recv(LONGEST)
        except ConnectionResetError as error:
            raise Unread from error
        message, size = _parsed(line)
        return message, self._read(size)

    def receive_channel(self) -> tuple[dict[str, Any], Self]:
        """The next message, and the end of a channel that was handed over with it.

        Raises:
            Gone: the other side has ended.
        """
        self._end.settimeout(None)
        try:
            line, descriptors, _, _ = socket.recv_fds(self._end, LONGEST, 3)
        except ConnectionResetError as error:
            raise Gone from error
        message, _ = _parsed(line)
        return message, self.from_descriptors(*descriptors)

    def _write(self, part: bytes, at: int) -> int:
        rest = memoryview(part)
        while rest:
            written = os.pwrite(self._writes, rest, at)
            rest, at = rest[written:], at + written
        return at

    def _read(self, size: int) -> bytes:
        if not 0 <= size <= min(LARGEST, os.fstat(self._reads).st_size):
            raise Nonsense(f"a body of {size} bytes is not there")
        body = os.pread(self._reads, size, 0)  # in one: LARGEST is less than what the system reads at once
        if len(body) < size:
            raise Nonsense("a body was cut off while it was read")
        if size > KEPT:
            os.ftruncate(self._reads, 0)
        return body


def _parsed(line: bytes) -> tuple[dict[str, Any], int]:
    if not line:
        raise Gone
    try:
        message, size = json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise Nonsense(f"no message: {line[:80]!r}") from error
    if not isinstance(message, dict) or not isinstance(size, int):
        raise Nonsense(f"no message: {line[:80]!r}")
    return message, size


def _close(end: socket.socket, *files: int) -> None:
    end.close()
    for file in files:
        os.close(file)
