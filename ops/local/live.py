"""A deployed function as it is now: its updates are followed, as Lambda does it."""

import http.client
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ops.errors import StackError
from ops.local.deployed import Function
from ops.local.program import Program, prepare

LOOK: Final = 1.0  # seconds after which the configuration is looked at again: an update takes Lambda longer


class LiveFunction:
    """Call it to get the function's program as it is deployed, at most a second ago; from any thread.

    Args:
        aws_lambda: the stack's Lambda client.
        name: the function's name or ARN.
        cache: the folder for what is unpacked and installed.
        clock: in seconds.
    """

    def __init__(self, aws_lambda: Any, name: str, *, cache: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._lambda = aws_lambda
        self._name = name
        self._cache = cache
        self._clock = clock
        self._looking = threading.Lock()
        self._program: Program | None = None
        self._looked = 0.0

    def __call__(self) -> Program:
        """The program, which is equal to the one before as long as neither code nor configuration was updated.

        Raises:
            StackError: the package is not the one that was deployed, or what it imports could not be installed.
        """
        with self._looking:
            if self._program is None or self._clock() - self._looked >= LOOK:
                answer = self._lambda.get_function_configuration(FunctionName=self._name)
                function = Function.from_api(answer)
                if self._program is None or self._program.function != function:
                    self._program = prepare(function, self._download, cache=self._cache)
                self._looked = self._clock()
            return self._program

    def _download(self) -> bytes:
        location = urlsplit(self._lambda.get_function(FunctionName=self._name)["Code"]["Location"])
        connection = http.client.HTTPConnection(location.netloc, timeout=60)  # on loopback: past any proxy
        try:
            connection.request("GET", f"{location.path}?{location.query}")
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise StackError(f"the package of {self._name} cannot be downloaded: status {answer.status}")
            return answer.read()
        finally:
            connection.close()
