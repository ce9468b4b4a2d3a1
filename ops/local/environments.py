"""A function's execution environments: warm ones first, and new ones after an update."""

import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ops.errors import StackError
from ops.local.invocation import Environment, FunctionError
from ops.local.program import Program


class Environments:
    """At most a number of environments, lent to any number of threads.

    After an update of the function's code or configuration the next one that is taken is new; one in which an
    invocation runs is ended after it.

    Args:
        program: the function as it is deployed now; `LiveFunction` is one.
        environ: what makes an AWS SDK talk to the emulator.
        log_dir: gets one file for each environment, with what the function prints.
        most: environments at once; it may be changed.
    """

    def __init__(self, program: Callable[[], Program], *, environ: Mapping[str, str], log_dir: Path, most: int) -> None:
        self.most = most
        self._program = program
        self._environ = dict(environ)
        self._log_dir = log_dir
        self._numbers = itertools.count(1)
        self._all: list[Environment] = []
        self._idle: list[Environment] = []
        self._changed = threading.Condition()
        self._ended = False

    def pids(self) -> list[int]:
        """The process ids of the warm ones."""
        with self._changed:
            return [environment.pid for environment in self._all if environment.pid is not None]

    def wait_for_one(self) -> None:
        """Wait until one could be taken, or all are ended."""
        with self._changed:
            self._changed.wait_for(self._has_room)

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer to ``event``, in an environment that is waited for.

        Raises:
            FunctionError: the handler raised, took its process down, or was killed at the function timeout; or an
                update cannot be run.
        """
        try:
            environment = self.take()
        except StackError as error:
            raise FunctionError(str(error)) from error
        try:
            return environment.invoke(event)
        finally:
            self.give_back(environment)

    def take(self) -> Environment:
        """An environment of the function as it is now, for one thread until it gives it back."""
        program = self._program()
        with self._changed:
            self._changed.wait_for(self._has_room)
            for outdated in [environment for environment in self._idle if environment.program != program]:
                self._drop(outdated)
            environment = self._idle.pop() if self._idle else self._make(program)
            if self._ended:
                environment.end()
            return environment

    def give_back(self, environment: Environment) -> None:
        """End a loan."""
        with self._changed:
            self._idle.append(environment)
            self._changed.notify_all()

    def end(self) -> None:
        """Kill every process, for good: what runs in one fails, and none starts after this."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            for environment in self._all:
                environment.end()

    def close(self) -> None:
        """End, and wait until nobody uses any."""
        self.end()
        with self._changed:
            self._changed.wait_for(lambda: len(self._idle) == len(self._all))
            for environment in self._all:
                environment.close()

    def _has_room(self) -> bool:
        return self._ended or bool(self._idle) or len(self._all) < self.most

    def _make(self, program: Program) -> Environment:
        log = self._log_dir / f"{program.function.name}-{next(self._numbers)}.log"
        environment = Environment(program, environ=self._environ, log=log)
        self._all.append(environment)
        return environment

    def _drop(self, environment: Environment) -> None:
        self._idle.remove(environment)
        self._all.remove(environment)
        environment.close()
