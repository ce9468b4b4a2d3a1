"""Child processes of the consumer: started one at a time through a fork server, each with a channel of its own.

A message is a small JSON object, with bytes in a memory file beside it. A renderer has read whatever was uploaded, so
nothing that it sends is unpickled. Neither /dev/shm nor semaphores are needed, which Lambda does not have: a socket
keeps messages apart. One file for each direction is used for all bodies: a new one each time takes twice the CPU.
"""

import contextlib
import hashlib
import json
import os
import pickle
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from processing.recipe import Recipe
from processing.sandbox.capacity import MAX_KEPT

MAX_MESSAGE_BYTES: Final = 1 << 16  # without its body
MAX_BODY_BYTES: Final = 1 << 29
MAX_FILE_BYTES: Final = 1 << 23  # that a file keeps allocated from one body to the next
FORK_SERVER: Final = "processing.sandbox.fork_server"
INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")  # the only variables that a child gets ...
INHERITED_PREFIX: Final = "MALLOC_"  # ... and those that configure its memory allocator


class ChannelClosed(Exception):
    """The process at the other end has ended."""


class NotDelivered(ChannelClosed):
    """It ended before it had read the last message: the kernel reports that separately (ECONNRESET, EPIPE)."""


class ProtocolError(Exception):
    """The other end sent an invalid message, or one that does not belong to the question."""


def digest(data: bytes) -> str:
    """Identifies an image in messages: SHA-256 takes 0.6 ms for a megabyte here, BLAKE2b 1.3."""
    return hashlib.sha256(data).hexdigest()


class Channel:
    """One end of a channel; the files are closed with the object.

    Args:
        writes: the descriptor of the file for bodies sent from this end.
        reads: the descriptor of the other end's file.
    """

    def __init__(self, end: socket.socket, *, writes: int, reads: int) -> None:
        self._end = end
        self._writes = writes
        self._reads = reads
        self.close = weakref.finalize(self, _close, end, writes, reads)  # runs once, however often it is called

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """The two ends of a new channel."""
        request, response = (os.memfd_create(name) for name in ("request", "response"))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours, writes=request, reads=response), cls(theirs, writes=os.dup(response), reads=os.dup(request))

    @classmethod
    def from_descriptors(cls, end: int, writes: int, reads: int) -> Self:
        """The end that this process inherited."""
        return cls(socket.socket(fileno=end), writes=writes, reads=reads)

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """The descriptors that a child process must inherit to have this end."""
        return self._end.fileno(), self._writes, self._reads

    def send(self, message: Mapping[str, Any], body: Sequence[bytes] = (), *, passing: "Channel | None" = None) -> None:
        """Send a message, and the parts of its body as one; and, if given, the end of another channel.

        The other end must have received the message before: it has when each end waits for the other's answer.

        Raises:
            NotDelivered: the other end is closed.
        """
        size = 0
        for part in body:
            size = self._write(part, size)
        descriptors = () if passing is None else passing.descriptors
        self._end.settimeout(None)
        try:
            socket.send_fds(self._end, [json.dumps([message, size]).encode()], descriptors)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise NotDelivered from error

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next message, and its body.

        Args:
            seconds: how long to wait for it; without a limit when not given.

        Raises:
            ChannelClosed: the other end is closed.
            NotDelivered: the same, before the last message from this end was read.
            ProtocolError: the message is invalid, or its body is incomplete.
            TimeoutError: nothing came in time.
        """
        self._end.settimeout(seconds)
        try:
            line = self._end.recv(MAX_MESSAGE_BYTES)
        except ConnectionResetError as error:
            raise NotDelivered from error
        message, size = _parsed(line)
        return message, self._read(size)

    def receive_channel(self) -> tuple[dict[str, Any], Self]:
        """The next message, and the end of a channel that was passed with it.

        Raises:
            ChannelClosed: the other end is closed.
        """
        self._end.settimeout(None)
        try:
            line, descriptors, _, _ = socket.recv_fds(self._end, MAX_MESSAGE_BYTES, 3)
        except ConnectionResetError as error:
            raise ChannelClosed from error
        message, _ = _parsed(line)
        return message, self.from_descriptors(*descriptors)

    def _write(self, part: bytes, at: int) -> int:
        rest = memoryview(part)
        while rest:
            written = os.pwrite(self._writes, rest, at)
            rest, at = rest[written:], at + written
        return at

    def _read(self, size: int) -> bytes:
        if not 0 <= size <= min(MAX_BODY_BYTES, os.fstat(self._reads).st_size):
            raise ProtocolError(f"a body of {size} bytes was announced, and is not in the file")
        body = os.pread(self._reads, size, 0)  # in one call: the kernel reads more than MAX_BODY_BYTES at once
        if len(body) < size:
            raise ProtocolError("the body was truncated while it was read")
        if size > MAX_FILE_BYTES:
            os.ftruncate(self._reads, 0)
        return body


def _parsed(line: bytes) -> tuple[dict[str, Any], int]:
    if not line:
        raise ChannelClosed
    try:
        message, size = json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(f"invalid message: {line[:80]!r}") from error
    if not isinstance(message, dict) or not isinstance(size, int):
        raise ProtocolError(f"invalid message: {line[:80]!r}")
    return message, size


def _close(end: socket.socket, *files: int) -> None:
    end.close()
    for file in files:
        os.close(file)


class Children:
    """A fork server, and the one child that it has at a time.

    Args:
        environ: the consumer's environment; the child gets the few variables that it needs to run.
        kept: megabytes that a child may keep from one image to the next; to allocate them again takes half a render.
        fork_server: the module to run; tests replace it by one whose engine fails.
    """

    def __init__(
        self, recipe: Recipe, *, environ: Mapping[str, str], kept: float = MAX_KEPT, fork_server: str = FORK_SERVER
    ) -> None:
        self._recipe = recipe
        inherited = {k: v for k, v in environ.items() if k in INHERITED or k.startswith(INHERITED_PREFIX)}
        self._environ = {**inherited, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        self._kept = kept
        self._fork_server = fork_server
        self.last_status: int | None = None  # of the fork server before, a signal as a negative number
        self._start_fork_server()

    @property
    def pid(self) -> int:
        """The fork server's process id."""
        return self._process.pid

    def start(self) -> Channel:
        """Request a new child, and the end of the one before, if there is one; return its channel without waiting."""
        ours, theirs = Channel.pair()
        self._requested += 1
        with contextlib.suppress(ChannelClosed):  # `started` raises it
            self._control.send({"start": self._requested}, passing=theirs)
        theirs.close()
        return ours

    def started(self, seconds: float) -> int | None:
        """Wait until the child that was requested last has started.

        Returns: the exit status of the one before, a signal as a negative number; None when there was none.

        Raises:
            ChannelClosed, ProtocolError, TimeoutError: the fork server must be replaced; OSError: it cannot fork.
        """
        while True:
            try:
                message, _ = self._control.receive(seconds)
            except ChannelClosed:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1.0)  # or its exit status would be that of the signal that ends it now
                raise
            if "refused" in message:
                raise OSError(message["refused"], f"fork: {os.strerror(message['refused'])}")
            if message.get("started") == self._requested:
                ended = message.get("ended")
                return ended if ended is None else int(ended)
            if message.get("started") not in range(1, self._requested):  # replaced before anybody waited for it
                raise ProtocolError(f"the fork server sent {message}")

    def restart(self) -> None:
        """End the fork server and its child, and start another fork server."""
        self.close()
        self.last_status = self._process.returncode
        self._start_fork_server()

    def _start_fork_server(self) -> None:
        self._requested = 0
        self._control, theirs = Channel.pair()
        descriptors = theirs.descriptors
        self._process = subprocess.Popen(  # noqa: S603 - no part of it is input
            # -P, -S: imports from the paths of this process alone, not from the current folder or site-packages
            [sys.executable, "-P", "-S", "-m", self._fork_server, *map(str, descriptors)],
            env=self._environ,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.close = weakref.finalize(self, _end, self._process, self._control)  # waits until it has ended
        with contextlib.suppress(ChannelClosed):  # `started` raises it
            self._control.send({"kept": self._kept}, [pickle.dumps(self._recipe)])


def _end(process: "subprocess.Popen[bytes]", control: Channel) -> None:
    control.close()
    process.kill()
    process.wait()
