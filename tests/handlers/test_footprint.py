"""How many of the project's files one event enters: what somebody reads who follows one image in the code.

A file counts when one of its functions is called. The renderer's process cannot be profiled from here, so the same
image is rendered in this process as well, and the files of both ways are counted together.
"""

import pytest

from handlers import consumer
from tests.builders import created_body
from tests.footprint import entered
from tests.handlers.test_consumer import Stack, invoke, jpeg, moto_server, stack

__all__ = ["moto_server", "stack"]
FORK_SERVER = "processing/sandbox/fork_server.py"
MAX_CONSUMER = 20  # of an event, without the pixels
MAX_FIRST = 28  # of the first event of an environment, which checks the runtime and builds the consumer as well
MAX_WITH_PIXELS = 41  # of a JPEG: whole, within its budget of bytes, with its preview, and once without a sandbox


def entered_by_an_event(stack: Stack, key: str) -> set[str]:
    event = created_body(key, stack.upload(key, jpeg()))
    failed: list[str] = []
    files = {file for file in entered(lambda: failed.extend(invoke(event))) if not file.startswith("ops/")}  # moto's
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
