"""How many of the project's files one event enters: what somebody reads who follows one image in the code.

A file counts when one of its functions is called. The renderer's process cannot be profiled from here, so the same
image is rendered in this process as well, and the files of both ways are counted together.
"""

import gc
import inspect
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from handlers import consumer
from tests.builders import created_body
from tests.handlers.test_consumer import Stack, invoke, jpeg, moto_server, stack

__all__ = ["moto_server", "stack"]
PROJECT = Path(__file__).resolve().parents[2]
FORK_SERVER = "processing/sandbox/fork_server.py"
MAX_CONSUMER = 20  # of an event, without the pixels
MAX_FIRST = 23  # of the first event of an environment, which builds the consumer as well
MAX_WITH_PIXELS = 31


def entered(run: Callable[[], object]) -> set[str]:
    """The files of handlers and processing of which any function is called, in any thread."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
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
    own = (f"{PROJECT}/handlers/", f"{PROJECT}/processing/")  # moto's server is in this process, and in ops
    return {Path(file).relative_to(PROJECT).as_posix() for file in files if file.startswith(own)}


def entered_by_an_event(stack: Stack, key: str) -> set[str]:
    event = created_body(key, stack.upload(key, jpeg()))
    failed: list[str] = []
    files = entered(lambda: failed.extend(invoke(event)))
    assert failed == []
    assert stack.variants()
    return files


def test_an_event_enters_few_files(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDERING", "sandbox")

    first = entered_by_an_event(stack, "images/first.jpg")
    another = entered_by_an_event(stack, "images/another.jpg")

    assert not any(file.startswith("processing/imaging/") for file in first | another)
    assert len(another) <= MAX_CONSUMER, sorted(another)
    assert len(first) <= MAX_FIRST, sorted(first)


def test_an_event_enters_few_files_with_the_pixels(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {FORK_SERVER}
    for rendering in ("sandbox", "in-process"):
        monkeypatch.setenv("RENDERING", rendering)
        consumer.consumer.cache_clear()
        entered_by_an_event(stack, f"images/{rendering}-first.jpg")
        files |= entered_by_an_event(stack, f"images/{rendering}.jpg")

    assert len(files) <= MAX_WITH_PIXELS, sorted(files)
