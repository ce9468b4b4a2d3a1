"""One fingerprint for one bug: the same in the consumer, in its child processes and in a replay.

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


def places_of(bug: BaseException) -> list[str]:
    """The frames of this package, outermost first, as ``processing/imaging/steps.py:crop``; a child's come last."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(bug.__traceback__)]
    own = [
        f"processing/{os.path.relpath(code.co_filename, PACKAGE).replace(os.sep, '/')}:{code.co_name}"
        for code in codes
        if code.co_filename.startswith(PACKAGE + os.sep) and code.co_name not in INLINED
    ]
    return [*own, *(bug.places if isinstance(bug, RenderBug) else ())]
