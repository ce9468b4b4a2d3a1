"""One fingerprint for one bug: the same in the consumer, in its child processes and in a replay; and where it is.

Only frames of this package count, and of these only the frames below the modules that pass an image on: the path to the
place that fails differs between callers and between Python versions.
"""

import hashlib
import os.path
import traceback
from typing import Final

from processing.errors import RenderBug

PACKAGE: Final = os.path.dirname(os.path.abspath(__file__))
CALLERS: Final = (
    *("processing/batch.py:", "processing/messages.py:", "processing/worker.py:", "processing/publisher.py:"),
    "processing/concurrency.py:",
    *("processing/sandbox/", "processing/imaging/original.py:inspect", "processing/imaging/render.py:render"),
)
MAX_WHERE: Final = 140  # bytes: three frames of this package, and room for the message beside them
SHOWN_FRAMES: Final = 3
INLINED: Final = ("<listcomp>", "<dictcomp>", "<setcomp>")  # frames of their own before Python 3.12


def kind_of(bug: BaseException) -> str:
    """The name of its class, where it was raised."""
    return bug.kind if isinstance(bug, RenderBug) else type(bug).__name__


def fingerprint_of(bug: BaseException) -> str:
    """8 hex digits, from its class and the frames below the callers; from the last frame if there are no others."""
    places = places_of(bug)
    inner = [at for at, place in enumerate(places, start=1) if place.startswith(CALLERS)]
    frames = places[max(inner, default=0) :] or places[-1:]
    return hashlib.sha256("|".join([kind_of(bug), *frames]).encode()).hexdigest()[:8]


def where(bug: BaseException) -> str:
    """The last frames of this package for people, innermost first: ``imaging/steps.py:41 crop < ...``."""
    named = [frame.removeprefix("processing/").split(":") for frame in frames_of(bug)[: -SHOWN_FRAMES - 1 : -1]]
    frames = [f"{path}:{line} {function}" for path, function, line in named]
    while len(" < ".join(frames).encode()) > MAX_WHERE:
        frames.pop()
    return " < ".join(frames)


def places_of(bug: BaseException) -> list[str]:
    """The same as `frames_of` without the lines, which a change elsewhere in the file moves."""
    return [frame.rpartition(":")[0] for frame in frames_of(bug)]


def frames_of(bug: BaseException) -> list[str]:
    """The frames of this package, outermost first, as ``processing/imaging/steps.py:crop:41``; a child's come last."""
    found = [(frame.f_code, line) for frame, line in traceback.walk_tb(bug.__traceback__)]
    own = [
        f"processing/{os.path.relpath(code.co_filename, PACKAGE).replace(os.sep, '/')}:{code.co_name}:{line}"
        for code, line in found
        if code.co_filename.startswith(PACKAGE + os.sep) and code.co_name not in INLINED
    ]
    return [*own, *(bug.frames if isinstance(bug, RenderBug) else ())]
