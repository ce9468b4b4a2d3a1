"""Which of the project's files an action enters: the files that somebody opens who follows it in the code."""

import gc
import inspect
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


def entered(run: Callable[[], object]) -> set[str]:
    """The project's files, without the tests, of which any function is called, in any thread."""
    files = set()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # of a function
            files.add(frame.f_code.co_filename)

    gc.collect()  # or generators that other tests left are ended meanwhile, which counts as a call
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    inside = (Path(file).relative_to(PROJECT) for file in files if file.startswith(f"{PROJECT}/"))
    return {path.as_posix() for path in inside if path.parts[0] in ("api", "handlers", "ops", "processing")}
