"""Fetching and rendering as the consumer does, with the packages that it has, the time of each step and the memory.

The steps are timed from outside, by a profile function: what runs is what is deployed.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from PIL.ImageFile import ImageFile

from ops.cli.packaged import FORK_SERVER, packaged_readers
from ops.cli.stage import Stage
from ops.errors import NotFoundError
from processing import imaging
from processing.errors import SourceChanged, SourceGone, Unavailable
from processing.imaging import Rendered
from processing.imaging.encode import encode
from processing.imaging.losses import losses
from processing.imaging.original import open_original
from processing.imaging.steps import FINISH, FROM_LARGER, FROM_ORIGINAL, UNPACK
from processing.ledger import reason_of
from processing.memory import memory_estimate
from processing.recipe import Recipe
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget, capacity
from processing.storage.objects import S3Store, head

RESET: Final = "5"  # https://docs.kernel.org/filesystems/proc.html: the peak begins anew at what is used now


@dataclass(frozen=True, slots=True)
class ReplayTarget:
    """A version of an uploaded object; ``origin`` says how it was chosen."""

    key: str
    etag: str
    origin: str


@dataclass
class Replay:
    """The result. ``cause`` is empty after a success, and otherwise what the images table would have.

    Times are in milliseconds, memory in megabytes; ``price`` is what rendering is allowed to take.
    """

    size: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    milliseconds: float = 0.0
    memory_before: float | None = None
    memory_peak: float | None = None
    price: float | None = None
    rendered: Rendered | None = None
    cause: str = ""
    message: str = ""
    fingerprint: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class ReplayLimits:
    """The function's memory in megabytes, and the seconds that one try may take."""

    memory: int
    seconds: float


Run = Callable[[Replay, bytes, Recipe], None]


def replay(stage: Stage, target: ReplayTarget, recipe: Recipe, limits: ReplayLimits | None) -> Replay:
    """Run one version through fetch and render.

    Args:
        limits: render in a child process within these, as the function does it; None for this process, without any.

    Raises:
        NotFoundError: that version is not there any more.
    """
    made, start = Replay(), time.perf_counter()
    try:
        body = _fetch(stage, target, recipe)
        made.size, made.steps["fetch"] = len(body), (time.perf_counter() - start) * 1000
        run: Run = _in_sandbox(limits) if limits else _in_this_process
        with packaged_readers():
            run(made, body, recipe)
    except Unavailable:
        raise
    except SourceChanged as error:
        raise NotFoundError(_explained(stage, target, error)) from error
    except Exception as error:  # noqa: BLE001 - any failure is the result
        reason = reason_of(error)
        made.cause, made.message, made.fingerprint = reason.cause, reason.message, reason.fingerprint
        made.trace = "".join(traceback.format_exception(error))
    made.milliseconds = (time.perf_counter() - start) * 1000
    return made


def _fetch(stage: Stage, target: ReplayTarget, recipe: Recipe) -> bytes:
    store = S3Store(stage.client("s3"), uploads_bucket=stage.uploads_bucket, variants_bucket=stage.variants_bucket)
    return store.fetch(target.key, target.etag, max_bytes=recipe.limits.max_bytes).body


def _in_this_process(made: Replay, body: bytes, recipe: Recipe) -> None:
    """With the time of every step."""
    try:
        with profiled() as timings:
            made.rendered = imaging.render(body, recipe)
    finally:
        made.steps |= timings.steps
        made.memory_before, made.memory_peak = timings.before, timings.peak
    made.price = memory_estimate(imaging.inspect(body, recipe.limits), recipe)


def _in_sandbox(limits: ReplayLimits) -> Run:
    """In a child, which may crash, hang or swell, twice; only the whole of it is timed."""
    room, seconds = capacity(limits.memory), limits.seconds

    def run(made: Replay, body: bytes, recipe: Recipe) -> None:
        child = Renderer(Children(recipe, environ=os.environ, kept=room.kept, fork_server=FORK_SERVER))
        renderers = Renderers([child], recipe, memory=MemoryBudget(room.rendering), budget=TimeBudget(seconds))
        start = time.perf_counter()
        try:
            made.rendered = renderers.render(body, recipe)
        finally:
            made.steps["start and render"] = (time.perf_counter() - start) * 1000
            renderers.close()

    return run


def _explained(stage: Stage, target: ReplayTarget, error: SourceChanged) -> str:
    """Why the version could not be fetched, and what to do."""
    if isinstance(error, SourceGone):
        return f"{target.key} was removed: there is nothing to replay"
    now = head(stage.client("s3"), stage.uploads_bucket, target.key)
    hint = f"to replay what is there now: --etag {now['ETag']}" if now else "it was removed meanwhile"
    return f"the version {target.etag} of {target.key} was overwritten; {hint}"


@dataclass
class StepTimings:
    """Milliseconds by step, in the order in which each began; megabytes, where the system has them."""

    steps: dict[str, float] = field(default_factory=dict)
    before: float | None = None
    peak: float | None = None


@contextmanager
def profiled() -> Iterator[StepTimings]:
    """Measure this thread while the block runs."""
    timings, memory = StepTimings(), Path("/proc/self/clear_refs")
    if memory.exists():
        memory.write_text(RESET)
        timings.before = _megabytes("VmRSS")
    sys.setprofile(_clock(timings.steps))
    try:
        yield timings
    finally:
        sys.setprofile(None)
        timings.peak = _megabytes("VmHWM") if memory.exists() else None


def _steps() -> dict[CodeType, str]:
    """The functions that are timed, by name: what `processing.imaging.render` goes through from top to bottom."""
    steps = {step.__name__: step for step in (*UNPACK, *FROM_ORIGINAL, *FROM_LARGER, *FINISH)}
    named: dict[str, Callable[..., Any]] = {
        "open": open_original,
        "losses": losses,
        "decode": ImageFile.load,
        **steps,
        "encode": encode,
    }
    return {function.__code__: name for name, function in named.items()}


def _clock(took: dict[str, float]) -> Callable[[FrameType, str, Any], None]:
    """A profile function; a step within a step is the outer one's."""
    names = _steps()
    within: list[tuple[FrameType, float]] = []

    def see(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and not within and frame.f_code in names:
            took.setdefault(names[frame.f_code], 0.0)
            within.append((frame, time.perf_counter()))
        elif event == "return" and within and frame is within[0][0]:
            _, start = within.pop()
            took[names[frame.f_code]] += (time.perf_counter() - start) * 1000

    return see


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024
