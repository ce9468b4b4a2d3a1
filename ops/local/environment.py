"""One execution environment, from inside: what Lambda's runtime does around a Python handler.

Run as a file, by ``python -I -S``, with the function's own environment and, as arguments, the folders from which the
function imports: nothing else but the standard library is there. It imports the handler once, then answers
invocations, one JSON document a line, from standard input to what was standard output; whatever the function prints
goes to standard error. It lives as long as its standard input is open.
"""

import importlib
import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Context:
    """The second argument of a handler, with the attributes Lambda gives it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: float
    """When the environment is killed, in seconds since the epoch."""
    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    function_version: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_VERSION"])
    memory_limit_in_mb: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    log_group_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_GROUP_NAME"])
    log_stream_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_STREAM_NAME"])
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function timeout; 0 when it has passed."""
        return max(0, int((self.deadline - time.time()) * 1000))


def main() -> None:
    """Initialize, then answer invocations until standard input ends."""
    sys.path[:0] = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the function prints is its log
    logging.basicConfig(format="[%(levelname)s]\t%(asctime)s\t%(message)s")  # Lambda gives the root logger a handler
    invocations: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(invocations,), daemon=True).start()

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    handler = _attempt(lambda: _import_handler(os.environ["_HANDLER"]), say, "ready")
    while handler:
        invocation = json.loads(invocations.get())
        _attempt(lambda: _invoke(handler, invocation), say, "response")  # noqa: B023 - called before the next round


def _read(invocations: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        invocations.put(line)
    os._exit(0)  # the player is gone, and this may be in the middle of an invocation


def _import_handler(path: str) -> Callable[[Any, Context], Any]:
    module, _, name = path.rpartition(".")
    handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return handler


def _invoke(handler: Callable[[Any, Context], Any], invocation: dict[str, Any]) -> str:
    context = Context(invocation["request_id"], invocation["function_arn"], invocation["deadline"])
    return json.dumps(handler(invocation["event"], context), allow_nan=False)


def _attempt(action: Callable[[], Any], say: Callable[..., None], name: str) -> Any:
    try:
        result = action()
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        traceback.print_exc()
        say(error=f"{type(error).__name__}: {error}")
        return None
    say(**{name: result if isinstance(result, str) else True})
    return result


if __name__ == "__main__":
    main()
