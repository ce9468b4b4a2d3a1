"""What the steps of rendering took, and the most memory: seen from outside, so that what runs is what is deployed."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from PIL.ImageFile import ImageFile

from processing.imaging.encode import encode
from processing.imaging.losses import losses
from processing.imaging.original import open_original
from processing.imaging.steps import FINISH, FROM_LARGER, FROM_ORIGINAL

RESET: Final = "5"  # https://docs.kernel.org/filesystems/proc.html: the peak begins anew at what is used now


@dataclass
class Watch:
    """Milliseconds by step, in the order in which each began; megabytes, where the system tells them."""

    steps: dict[str, float] = field(default_factory=dict)
    before: float | None = None
    peak: float | None = None


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch this thread while the block runs."""
    watch, memory = Watch(), Path("/proc/self/clear_refs")
    if memory.exists():
        memory.write_text(RESET)
        watch.before = _megabytes("VmRSS")
    sys.setprofile(_clock(watch.steps))
    try:
        yield watch
    finally:
        sys.setprofile(None)
        watch.peak = _megabytes("VmHWM") if memory.exists() else None


def _steps() -> dict[CodeType, str]:
    """The functions that are timed, by name: what `processing.imaging.render` goes through from top to bottom."""
    steps = {step.__name__: step for step in (*FROM_ORIGINAL, *FROM_LARGER, *FINISH)}
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
