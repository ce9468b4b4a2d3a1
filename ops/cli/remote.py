"""A file behind a URL, read in parts: a package has many megabytes, and what is read of it a few kilobytes."""

import io
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from ops.errors import StackError

BLOCK: Final = 1 << 16  # bytes of one request, at least
TIMEOUT: Final = 60  # seconds
LOOPBACK: Final = ("127.0.0.1", "localhost")


class RemoteFile(io.RawIOBase):
    """Answers each read with one request for a range (RFC 9110, 14.2).

    Args:
        url: of a server that knows ranges, as S3 does.
        size: of the file, in bytes.
    """

    def __init__(self, url: str, size: int) -> None:
        super().__init__()
        self._url = url
        self._size = size
        self._at = 0
        on_this_machine = urlsplit(url).hostname in LOOPBACK  # no proxy leads there
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if on_this_machine else []))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        data = self._part(self._at, wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _part(self, start: int, length: int) -> bytes:
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={start}-{start + length - 1}"})  # noqa: S310 - AWS's own answer
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                if answer.status != HTTPStatus.PARTIAL_CONTENT:
                    raise StackError(f"{urlsplit(self._url).netloc} answers requests for a range with {answer.status}")
                return bytes(answer.read())
        except urllib.error.URLError as error:
            raise StackError(f"{urlsplit(self._url).netloc} cannot be read: {error}") from error


def open_remote(url: str, size: int) -> io.BufferedReader:
    """Open it for reading; each request is for a block or more.

    Raises:
        StackError: while it is read: the server does not answer, or not with what was requested.
    """
    return io.BufferedReader(RemoteFile(url, size), BLOCK)
