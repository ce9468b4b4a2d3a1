"""How images are rendered: in child processes, or in the consumer itself where this environment allows none.

The stage parameter ``rendering`` decides:

    sandbox        child processes; where the first does not start, in this process, with an error line and a metric
    sandbox-only   child processes; where the first does not start, the function does not start either
    in-process     in this process

In this process nothing limits an image's time, and only its header its memory. So a crash never leads here.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from processing.errors import SandboxUnavailable
from processing.picture import Render
from processing.recipe import Recipe
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import Capacity, TimeBudget
from processing.sandbox.start import check_renderer, start_renderers
from processing.settings import Settings

METRIC: Final = "SandboxUnavailable"
REMEDY: Final = (
    "Images are rendered without limits on time, memory and crashes until this environment ends. Find out what refuses "
    "child processes (errno, and the lines above); deploy with --param rendering=sandbox-only to stop instead, or with "
    "--param rendering=in-process if this is wanted."
)

log = logging.getLogger("darkroom")


@dataclass(frozen=True, slots=True)
class Rendering:
    """How this environment renders; ``mode`` is "sandbox" or "in-process", for people."""

    render: Render
    mode: str


class RenderingStart:
    """Starts child processes, which load the engine while the caller does something else; `wait` is for the first.

    Args:
        count: records a metric, at once and with each batch from then on.
    """

    def __init__(
        self,
        settings: Settings,
        recipe: Recipe,
        room: Capacity,
        budget: TimeBudget,
        env: Mapping[str, str],
        *,
        count: Callable[[str], None],
    ) -> None:
        self._recipe = recipe
        self._memory = MemoryBudget(room.rendering)
        self._budget = budget
        self._count = count
        self._may_fall_back = settings.rendering == "sandbox"
        self._is_in_process = settings.rendering == "in-process" or (
            self._may_fall_back and sys.platform != "linux"  # which the sandbox needs
        )
        self._renderers: tuple[Renderer, ...] = ()
        self._failure: SandboxUnavailable | None = None
        if self._is_in_process:
            return
        try:
            self._renderers = start_renderers(
                lambda: Renderer(Children(recipe, environ=env, kept=room.kept)), room.renderers
            )
        except SandboxUnavailable as error:
            self._failure = error

    def wait(self) -> Rendering:
        """Wait until the first child has rendered a picture.

        Raises:
            SandboxUnavailable: it has not, and images may not be rendered in this process.
            Exception: whatever the engine raises in this process.
        """
        if self._is_in_process:
            return self._in_process()
        try:
            if self._failure is not None:
                raise self._failure
            check_renderer(self._renderers[0])
        except SandboxUnavailable as error:
            for renderer in self._renderers:
                renderer.close()
            if error.is_crash or not self._may_fall_back:
                raise
            return self._fall_back(error)
        renderers = Renderers(self._renderers, self._recipe, memory=self._memory, budget=self._budget)
        return Rendering(renderers.render, "sandbox")

    def _fall_back(self, failure: SandboxUnavailable) -> Rendering:
        rendering = self._in_process()
        line = {"cause": METRIC, "why": str(failure), "errno": failure.number, "remedy": REMEDY}
        log.error("no sandbox: images are rendered in process", extra={"data": line})
        self._count(METRIC)
        return rendering

    def _in_process(self) -> Rendering:
        from processing.sandbox.in_process import InProcess  # Pillow is loaded only in processes that render

        engine = InProcess(memory=self._memory, budget=self._budget)
        engine.check(self._recipe)
        return Rendering(engine.render, "in-process")
