"""The erasures queue: what is acknowledged, what waits and for how long, and what the log says."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from processing.erasure import Receipt, Wait
from processing.erasure.messages import Erasures
from processing.errors import ErasureEnded, ObjectLocked, Unavailable
from processing.ledger.erasures import Intent, new_intent
from processing.messages import Message

INTENT = new_intent("uploads", "images/cat.jpg", by="key/anna", now=0)
MESSAGE = Message("m1", "handle", INTENT.digest, 1)


@dataclass
class Queue:
    delays: dict[str, int] = field(default_factory=dict)
    failure: Exception | None = None

    def postpone(self, delays: Mapping[str, int]) -> None:
        if self.failure:
            raise self.failure
        self.delays |= delays


class Scripted:
    """An eraser and its table; ``step`` is what it does."""

    def __init__(self, step: Callable[[], Any], intent: Intent | None = INTENT) -> None:
        self.table, self._step, self._intent = self, step, intent

    def find(self, digest: str) -> Intent | None:
        assert digest == INTENT.digest
        return self._intent

    def advance(self, _: Intent) -> Any:
        return self._step()


def raising(error: Exception) -> Callable[[], Any]:
    def step() -> Any:
        raise error

    return step


def taken(eraser: Any, queue: Queue, message: Message = MESSAGE) -> bool:
    return Erasures(eraser, queue).take(message)


def test_an_erasure_that_has_ended_is_acknowledged_and_its_receipt_logged(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue()
    with caplog.at_level(logging.INFO, "darkroom"):
        is_over = taken(Scripted(lambda: Receipt("r1", "d", {"receipt": "r1"})), queue)

    assert is_over
    assert queue.delays == {}
    (line,) = caplog.records
    assert (line.getMessage(), vars(line)["data"]) == ("erased", {"receipt": "r1"})


def test_an_erasure_that_waits_comes_back_then() -> None:
    queue = Queue()

    assert not taken(Scripted(lambda: Wait(1322, "a worker")), queue)

    assert queue.delays == {"handle": 1322}


@pytest.mark.parametrize(
    "eraser",
    [Scripted(lambda: Wait(1, ""), intent=None), Scripted(raising(ErasureEnded("over")))],
    ids=["no intent", "another worker ended it"],
)
def test_what_has_ended_already_is_acknowledged(eraser: Scripted) -> None:
    assert taken(eraser, Queue())


@pytest.mark.parametrize(("receive", "delay"), [(1, 40), (2, 240), (4, 3600), (19, 3600)])
@pytest.mark.parametrize("error", [Unavailable("SlowDown", "s3:x"), ObjectLocked("legal hold"), KeyError("a bug")])
def test_a_failure_comes_back_later_and_later(
    error: Exception, receive: int, delay: int, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue()

    assert not taken(Scripted(raising(error)), queue, Message("m1", "handle", INTENT.digest, receive))

    assert queue.delays == {"handle": delay}
    (line,) = caplog.records
    assert (line.levelno == logging.ERROR) == isinstance(error, KeyError)


def test_a_message_that_cannot_be_postponed_comes_back_by_itself() -> None:
    queue = Queue(failure=Unavailable("ReceiptHandleIsInvalid", "sqs:ChangeMessageVisibilityBatch"))

    assert not taken(Scripted(lambda: Wait(5, "")), queue)
