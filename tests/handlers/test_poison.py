"""A batch with images that hang, crash and swell, through the whole consumer: moto, threads and child processes."""

import io
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from handlers import consumer
from handlers import rendering as composition
from processing.sandbox import Children
from processing.sandbox.in_process import InProcess
from tests.builders import created_body
from tests.handlers.test_consumer import Context, Stack, moto_server, record, stack
from tests.sandbox.conftest import HOSTILE, picture, spelled
from tests.threads import no_thread_left

__all__ = ["moto_server", "stack"]
TIMEOUT, TRY = 8, 2  # seconds


@pytest.fixture
def poisoned(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack, with renderers that can be told to misbehave."""
    monkeypatch.setenv("RENDERING", "sandbox")
    monkeypatch.setenv("FUNCTION_TIMEOUT", str(TIMEOUT))
    monkeypatch.setenv("TRY_SECONDS", str(TRY))
    made: list[Children] = []

    def start(*args: Any, **settings: Any) -> Children:
        made.append(Children(*args, **settings, fork_server=HOSTILE))
        return made[-1]

    monkeypatch.setattr(composition, "Children", start)
    yield stack
    for children in made:
        children.close()


def huge() -> bytes:
    """A PNG whose header says 30,000 x 30,000."""
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


def work_off(stack: Stack, images: dict[str, bytes]) -> tuple[list[str], dict[str, Any]]:
    """One invocation; the keys that come back, and every item of the images table by key."""
    etags = {key: stack.upload(key, image) for key, image in images.items()}
    records = [record(number, created_body(key, etag)) for number, (key, etag) in enumerate(etags.items())]

    answer = consumer.handler({"Records": records}, Context())

    failed = [list(images)[int(entry["itemIdentifier"].removeprefix("id-"))] for entry in answer["batchItemFailures"]]
    return failed, {key: stack.item(key, etag) for key, etag in etags.items()}


def test_poison_harms_only_itself(poisoned: Stack) -> None:
    poison = {
        "images/hangs.jpg": (spelled("hang"), "RenderTimeout"),
        "images/crashes.jpg": (spelled("crash"), "RenderCrash"),
        "images/huge.png": (huge(), "ImageTooLarge"),
    }
    images = {f"images/{number}.jpg": picture(size=(640, 480)) for number in range(7)}
    in_turn = dict(sorted({**images, **{key: image for key, (image, _) in poison.items()}}.items(), reverse=True))

    failed, items = work_off(poisoned, in_turn)

    assert sorted(failed) == sorted(poison)
    assert {key: item["reason"]["cause"] for key, item in items.items() if item["status"] == "REJECTED"} == {
        key: reason for key, (_, reason) in poison.items()
    }
    assert [items[key]["status"] for key in images] == ["DONE"] * 7
    assert all(items[key]["attempts"] == 1 for key in images)


@pytest.mark.parametrize(("rendering", "platform"), [("in-process", "linux"), ("sandbox", "darwin")])
def test_without_linux_or_by_choice_there_are_no_child_processes(
    poisoned: Stack, monkeypatch: pytest.MonkeyPatch, rendering: str, platform: str
) -> None:
    monkeypatch.setenv("RENDERING", rendering)
    monkeypatch.setattr(sys, "platform", platform)

    worker = consumer.consumer().handle.__self__  # type: ignore[attr-defined]

    assert isinstance(worker.render.__self__, InProcess)


def test_no_thread_is_left_when_the_handler_returns(poisoned: Stack) -> None:
    with no_thread_left():
        failed, _ = work_off(poisoned, {f"images/{number}.jpg": picture() for number in range(10)})

    assert failed == []


def test_the_requests_of_a_batch_overlap(poisoned: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten images, each of seven requests of 50 ms: one after another they would take three and a half seconds."""
    images = {f"images/{number}.jpg": picture() for number in range(10)}
    work_off(poisoned, {"images/first.jpg": picture()})
    together: list[int] = []
    at_once = 0
    lock = threading.Lock()

    def slowly(operation: str) -> None:
        nonlocal at_once
        with lock:
            at_once += 1
            together.append(at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1

    poisoned.server.before = slowly

    failed, _ = work_off(poisoned, images)

    assert failed == []
    assert max(together) > 5
