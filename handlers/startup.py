"""Names the reason why a function, or a worker, cannot start: one line of JSON with the cause and what to do.

The exception goes on to Lambda, which counts an Error and gives the whole batch back. What fails before this, while
Lambda imports the handler, is named by Lambda itself: Runtime.ImportModuleError. A worker ends with status 1.
"""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from handlers.telemetry import log_as_json
from processing.errors import Misconfigured, SandboxUnavailable, Unavailable

REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        Misconfigured,
        "Correct each fault in serverless.yml, recipe.toml or a container's environment and deploy again, or deploy "
        "what worked before.",
    ),
    (
        SandboxUnavailable,
        "The lines above have the output of the child processes. After a crash: package again for the function's "
        "architecture, or deploy what worked before. Where child processes are refused: --param rendering=sandbox "
        "renders in process instead.",
    ),
    (
        Unavailable,  # of a worker alone: a function sends no request while it starts
        "Give the worker's role the permissions in docs/containers.md, and its network a way to SQS.",
    ),
    (
        ImportError,
        "The package lacks a library, or has one for another Python or processor: package again with the runtime and "
        "the parameter architecture that the function has.",
    ),
    (Exception, "Deploy what worked before; the traceback shows where the function failed."),
)

log = logging.getLogger("darkroom")


@contextmanager
def starting() -> Iterator[None]:
    """Build a function; log what keeps it from starting, and raise it.

    Python collects no garbage meanwhile: what is built is kept, and to look through it again and again, the services'
    models above all, takes 19 of the 255 ms of CPU of the API's start.
    """
    if not log.handlers:  # the settings, which have the level, may be what is at fault
        log_as_json("INFO")
    try:
        with _without_collections():
            yield
    except Exception as error:
        remedy = next(remedy for kind, remedy in REMEDIES if isinstance(error, kind))
        line: dict[str, object] = {"cause": type(error).__name__, "why": str(error), "remedy": remedy}
        line |= {"faults": list(error.faults)} if isinstance(error, Misconfigured) else {}
        log.exception("the function cannot start", extra={"data": line})
        raise


@contextmanager
def _without_collections() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
