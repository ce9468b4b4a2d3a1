"""A function behind an API: a few execution environments, started when they are first needed."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.local.deployed import Function
from ops.local.invocation import Environment, FunctionError

MOST = 2
"""Environments at once. On AWS each request that runs has one of its own; here the rest wait for one to be free."""


class Environments:
    """Runs invocations from any number of threads, on at most ``most`` environments, warm ones first.

    Args:
        function: what is deployed.
        code_root: the folder from which the handler is imported.
        environ: what makes an AWS SDK talk to the emulator.
        log_dir: gets one file for each environment, with what the function prints.
    """

    def __init__(
        self, function: Function, *, code_root: Path, environ: Mapping[str, str], log_dir: Path, most: int = MOST
    ) -> None:
        self._function = function
        self._make: Callable[[Path], Environment] = lambda log: Environment(
            function, code_root=code_root, environ=dict(environ), log=log
        )
        self._log_dir = log_dir
        self._most = most
        self._all: list[Environment] = []
        self._idle: list[Environment] = []
        self._freed = threading.Condition()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End every process at once, with whatever runs in it, and wait until nobody uses them."""
        with self._freed:
            self._ended = True
            self._freed.notify_all()
            for environment in self._all:
                environment.end()
            self._freed.wait_for(lambda: len(self._idle) == len(self._all))
            for environment in self._all:
                environment.close()

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer to ``event``.

        Raises:
            FunctionError: the handler raised, took its process down, or was killed at the function timeout.
        """
        environment = self._take()
        try:
            return environment.invoke(event)
        finally:
            with self._freed:
                self._idle.append(environment)
                self._freed.notify_all()

    def _take(self) -> Environment:
        with self._freed:
            self._freed.wait_for(lambda: self._ended or self._idle or len(self._all) < self._most)
            if self._ended:
                raise FunctionError("the local server was stopped")
            if self._idle:
                return self._idle.pop()
            environment = self._make(self._log_dir / f"{self._function.name}-{len(self._all) + 1}.log")
            self._all.append(environment)
            return environment
