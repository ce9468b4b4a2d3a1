"""One execution environment, from outside: a process that is started cold, kept warm and killed at the timeout."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from ops.local.program import Program

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that the function sees of the user's environment: what a Python process needs to run."""

INSIDE = Path(__file__).with_name("environment.py")
ISOLATED = ("-I", "-S", "-u")
"""Neither the user's settings nor any folder but the standard library's; so the workshop's packages are not there."""

INIT_LIMIT = 10
"""Seconds Lambda gives an environment to import the handler; when they do not suffice, the function timeout as well."""


class FunctionError(Exception):
    """The invocation failed: the handler raised, answered with something that is not JSON, or took its process down."""


class FunctionTimeoutError(FunctionError):
    """The invocation outlived the function timeout, and its environment was killed."""


class Environment:
    """At most one process, which runs one invocation at a time.

    Args:
        program: what is deployed.
        environ: what makes an AWS SDK talk to the emulator.
        log: the file to which the function's output goes; its folder exists.
    """

    def __init__(self, program: Program, *, environ: dict[str, str], log: Path) -> None:
        self.program = program
        self._function = program.function
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._ended = False
        self._starting = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id while the environment is warm."""
        return self._process.pid if self._process else None

    def invoke(self, event: dict[str, Any]) -> Any:
        """Run the handler on ``event``, in the warm process or a fresh one, and return its answer.

        Raises:
            FunctionTimeoutError: the handler (or its import) did not end in time.
            FunctionError: it ended badly.
        """
        process = self._process or self._start()
        deadline = time.time() + self._function.timeout
        invocation = {
            "event": event,
            "request_id": str(uuid.uuid4()),
            "function_arn": self._function.arn,
            "deadline": deadline,
        }
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(invocation).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None
        return json.loads(self._answer(deadline)["response"])

    def end(self) -> None:
        """Kill the process, from any thread and for good: what runs in it fails, and nothing starts after this."""
        with self._starting:
            self._ended = True
            process = self._process
            if process is not None and process.returncode is None:
                _kill(process)

    def close(self) -> None:
        """Kill the process if it lives, and let go of its pipes; from the invoking thread, or after its last time."""
        if self._process is not None:
            self._discard()

    def note(self, line: str) -> None:
        """Write a line of the player's own into the function's log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"[player] {line}\n")

    def _start(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._ended:
                raise FunctionError("the local stack was stopped")
            self._process = self._open()
        try:
            self._answer(time.time() + INIT_LIMIT + self._function.timeout)
        except FunctionError:
            self.close()
            raise
        return self._process

    def _open(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [self.program.python, *ISOLATED, str(INSIDE), str(self.program.code), *map(str, self.program.packages)],
                cwd=self.program.code,
                env=self._function_environ(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for the runner, which then stops this one
            )

    def _discard(self) -> int:
        """Kill the process, with all it started, and forget it; the next invocation starts cold. Returns its status."""
        assert self._process is not None
        process, self._process, self._unread = self._process, None, b""
        _kill(process)
        for pipe in (process.stdout, process.stdin):
            with contextlib.suppress(BrokenPipeError):  # part of an event it no longer read
                assert pipe is not None
                pipe.close()
        return process.wait()

    def _function_environ(self) -> dict[str, str]:
        function = self._function
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            **function.environment,
            **self._environ,
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log.stem,
            "LAMBDA_TASK_ROOT": str(self.program.code),
            "TZ": "UTC",
        }

    def _answer(self, deadline: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._read_line(deadline))
        if "error" in answer:
            raise FunctionError(answer["error"])
        return answer

    def _read_line(self, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.time())):
                    self._discard()
                    raise FunctionTimeoutError(f"killed after the function timeout of {self._function.timeout:g} s")
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise self._gone()
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _gone(self) -> FunctionError:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)  # its pipe closes a moment before it ends
        return FunctionError(f"the execution environment exited with status {self._discard()}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
