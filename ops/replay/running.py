"""Fetching and rendering as the consumer does, in this process or contained in a child."""

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from ops.errors import UsageError
from ops.heads import head
from ops.replay.target import Target
from ops.replay.watching import watching
from ops.stage import Stage
from processing import imaging
from processing.capacity import capacity
from processing.contained import Children, Renderer, Renderers, Room
from processing.errors import SourceChanged, SourceGone, Unavailable
from processing.imaging import Rendered
from processing.imaging.price import megabytes
from processing.recipe import Recipe
from processing.store import S3Store
from processing.time_budget import TimeBudget
from processing.worker import reason_of


@dataclass
class Replay:
    """What came of it. ``cause`` is empty when it went through, and else what the images table would say.

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
class Limits:
    """The function's memory in megabytes, and the seconds that one try may take."""

    memory: int
    seconds: float


Run = Callable[[Replay, bytes, Recipe], None]


def replay(stage: Stage, target: Target, recipe: Recipe, limits: Limits | None) -> Replay:
    """Run one version through fetch and render.

    Args:
        limits: render in a child process within these, as the function does it; None for this process, without any.

    Raises:
        UsageError: that version is not there any more.
    """
    made, start = Replay(), time.perf_counter()
    try:
        body = _fetch(stage, target, recipe)
        made.size, made.steps["fetch"] = len(body), (time.perf_counter() - start) * 1000
        run: Run = _contained(limits) if limits else _in_this_process
        run(made, body, recipe)
    except (SourceChanged, Unavailable) as error:
        raise _told(stage, target, error) from error
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
        reason = reason_of(error)
        made.cause, made.message, made.fingerprint = reason.cause, reason.message, reason.fingerprint
        made.trace = "".join(traceback.format_exception(error))
    made.milliseconds = (time.perf_counter() - start) * 1000
    return made


def _fetch(stage: Stage, target: Target, recipe: Recipe) -> bytes:
    store = S3Store(stage.client("s3"), uploads_bucket=stage.uploads_bucket, variants_bucket=stage.variants_bucket)
    return store.fetch(target.key, target.etag, max_bytes=recipe.limits.max_bytes).body


def _in_this_process(made: Replay, body: bytes, recipe: Recipe) -> None:
    """With the time of every step."""
    try:
        with watching() as watch:
            made.rendered = imaging.render(body, recipe)
    finally:
        made.steps |= watch.steps
        made.memory_before, made.memory_peak = watch.before, watch.peak
    made.price = megabytes(imaging.inspect(body, recipe.limits), recipe)


def _contained(limits: Limits) -> Run:
    """In a child, which may crash, hang or swell, twice; only the whole of it is timed."""
    room, seconds = capacity(limits.memory), limits.seconds

    def run(made: Replay, body: bytes, recipe: Recipe) -> None:
        child = Renderer(Children(recipe, environ=os.environ, kept=room.kept))
        renderers = Renderers([child], recipe, room=Room(room.rendering), budget=TimeBudget(seconds))
        start = time.perf_counter()
        try:
            made.rendered = renderers.render(body, recipe)
        finally:
            made.steps["start and render"] = (time.perf_counter() - start) * 1000
            renderers.close()

    return run


def _told(stage: Stage, target: Target, error: SourceChanged | Unavailable) -> Exception:
    """Why it could not be fetched, and what to do."""
    if isinstance(error, Unavailable):
        return error.__cause__ if isinstance(error.__cause__, ClientError) else UsageError(f"{error}: try again")
    if isinstance(error, SourceGone):
        return UsageError(f"{target.key} was removed: there is nothing to replay")
    now = head(stage.client("s3"), stage.uploads_bucket, target.key)
    there = f"to replay what is there now: --etag {now['ETag']}" if now else "it was removed meanwhile"
    return UsageError(f"the version {target.etag} of {target.key} was overwritten; {there}")
