"""What goes between the consumer and its children: a small JSON object, and bytes in a memory file beside it.

A renderer has read whatever was uploaded, so nothing of what it says is ever unpickled. Neither /dev/shm nor semaphores
are needed, which Lambda does not have: a socket keeps the bounds of messages, and hands over the file.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 1 << 16  # bytes of a message without its body


class Gone(Exception):
    """The other side has ended."""


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, message: Mapping[str, Any], body: Sequence[bytes] | None = None) -> None:
    """Send a message, and the parts of its body as one.

    Raises:
        Gone: nobody is there to receive it.
    """
    line = json.dumps(message).encode()
    try:
        if body is None:
            end.sendall(line)
            return
        file = _written(body)
        try:
            socket.send_fds(end, [line], [file])
        finally:
            os.close(file)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Gone from error


def receive(end: socket.socket) -> tuple[dict[str, Any], bytes]:
    """The next message, and its body, if any.

    Raises:
        Gone: the other side has ended.
        TimeoutError: nothing came within the socket's time-out.
    """
    try:
        line, files, _, _ = socket.recv_fds(end, LONGEST, 1)
    except ConnectionResetError as error:
        raise Gone from error
    try:
        if not line:
            raise Gone
        message: dict[str, Any] = json.loads(line)
        return message, _read(files[0]) if files else b""
    finally:
        for file in files:
            os.close(file)


def _written(parts: Sequence[bytes]) -> int:
    file = os.memfd_create("body")
    try:
        for part in parts:
            rest = memoryview(part)
            while rest:  # one write takes at most 2 GB
                rest = rest[os.write(file, rest) :]
    except BaseException:
        os.close(file)
        raise
    return file


def _read(file: int) -> bytes:
    size, at = os.fstat(file).st_size, 0
    body = bytearray()
    while at < size:
        part = os.pread(file, size - at, at)
        if not part:
            raise Gone  # cut off by whoever sent it
        if at == 0 and len(part) == size:
            return part
        body += part
        at += len(part)
    return bytes(body)
