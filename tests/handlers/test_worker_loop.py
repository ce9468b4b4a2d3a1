"""The worker's loop: what is received is processed and deleted, and a signal at any moment loses nothing."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.worker_loop import BEAT, MAX_PAUSE, SIGNALS, TO_DELETE, PollingLoop, StopRequest
from handlers.worker_queue import DELETE_ROUNDS, ReceivingQueue
from processing.batch import Batch
from processing.errors import Unavailable
from processing.events import Event
from processing.ledger import Delivery
from processing.messages import ThreadExecutor
from processing.outcome import Kind, Outcome
from processing.sandbox import FetchBudget
from processing.sandbox.capacity import TimeBudget, capacity
from tests.builders import client_error, created_body
from tests.processing.conftest import Clock

ROOT = Path(__file__).parents[2]
TIMEOUT, STOP = 100.0, 40.0
Handle = Callable[[Event, Delivery], Outcome]


class Sqs:
    """A boto3 client of a queue: each receive returns the next of ``batches``, of keys; then a stop is requested."""

    def __init__(self, *batches: Sequence[str] | Exception) -> None:
        self.batches = list(batches)
        self.received = 0
        self.asked: list[tuple[int, int]] = []  # messages and seconds of each receive
        self.deleted: list[str] = []
        self.visible: dict[str, int] = {}
        self.deletes = 0
        self.refusals: list[Any] = []  # of deletes: exceptions, or the keys that are refused
        self.during_receive: Callable[[], object] = lambda: None
        self.at_end: Callable[[], object] = lambda: None

    def receive_message(self, *, MaxNumberOfMessages: int, WaitTimeSeconds: int, **_: Any) -> Any:  # noqa: N803 - boto3's
        self.asked.append((MaxNumberOfMessages, WaitTimeSeconds))
        self.during_receive()
        if not self.batches:
            self.at_end()
            return {}
        self.received += 1
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000"}
        return {
            "Messages": [
                {"MessageId": key, "ReceiptHandle": f"of {key}", "Body": created_body(key), "Attributes": attributes}
                for key in batch
            ]
        }

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803 - boto3's
        self.deletes += 1
        refused = self.refusals.pop(0) if self.refusals else ()
        if isinstance(refused, Exception):
            raise refused
        keys = {entry["Id"]: entry["ReceiptHandle"].removeprefix("of ") for entry in Entries}
        self.deleted += [key for key in keys.values() if key not in refused]
        return {
            "Successful": [{"Id": number} for number, key in keys.items() if key not in refused],
            "Failed": [{"Id": number, "Code": "InternalError"} for number, key in keys.items() if key in refused],
        }

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803 - boto3's
        for entry in Entries:
            self.visible[entry["ReceiptHandle"].removeprefix("of ")] = entry["VisibilityTimeout"]
        return {}


class Recorded(StopRequest):
    """A stop whose pauses take no time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(STOP, clock=clock)
        self.pauses: list[float] = []
        self.would_end: list[bool] = []  # whether each pause would have ended at once
        self.is_slow = 0  # how often a batch is not done when a heartbeat is due

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        if seconds == BEAT and not self.is_slow:
            return super().wait(condition, 60)
        self.is_slow -= seconds == BEAT
        self.pauses.append(seconds)
        self.would_end.append(condition())
        return False


class Loop:
    """A loop on a queue of doubles, which processes with ``handle``."""

    def __init__(self, sqs: Sqs, handle: Handle, *, batch_size: int = 10) -> None:
        self.sqs = sqs
        self.clock = Clock()
        self.stop = Recorded(self.clock)
        self.beats = 0
        self.limits: list[float] = []
        self.budget = TimeBudget(1)
        sqs.at_end = self.stop.request
        room = capacity(1769)
        queue = ReceivingQueue(sqs, "url", batch_size=batch_size, wait=20, sleep=self.clock.sleep)
        batch = Batch(
            handle=handle,
            queue=Postponing(),
            budget=self.budget,
            max_receive_count=5,
            clock=self.clock,
            rng=random.Random(1),
            begin=self._begin,
            executor=ThreadExecutor(4, FetchBudget(room, 1000).reserve),
        )
        self.loop = PollingLoop(queue, batch, self.stop, TIMEOUT, self._beat, self._limit, random.Random(1), self.clock)
        self.seconds_left: Callable[[], float] = lambda: 0.0

    def _begin(self, seconds_left: Callable[[], float]) -> None:
        self.seconds_left = seconds_left

    def _beat(self) -> None:
        self.beats += 1

    @contextmanager
    def _limit(self, seconds: float) -> Iterator[None]:
        self.limits.append(seconds)
        yield


class Postponing:
    """The batch's own view of the queue."""

    def postpone(self, _delays: Any) -> None: ...


def done(_event: Event, _delivery: Delivery) -> Outcome:
    return Outcome(Kind.DONE)


def refuse(key: str) -> Handle:
    def handle(event: Event, delivery: Delivery) -> Outcome:
        if event.key == key:
            raise Unavailable("SlowDown", "s3:GetObject")
        return done(event, delivery)

    return handle


def data_of(caplog: pytest.LogCaptureFixture, message: str) -> list[Any]:
    return [record.data for record in caplog.records if message in record.message]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.worker_loop.log.propagate", True)
    caplog.set_level("INFO", "darkroom")


def test_what_succeeded_is_deleted_and_what_failed_is_left_to_its_delay() -> None:
    on = Loop(Sqs(["images/a", "images/b", "images/c"], ["images/d"]), refuse("images/b"))

    assert on.loop.run()

    assert on.sqs.deleted == ["images/a", "images/c", "images/d"]
    assert on.sqs.visible == {}
    assert on.limits == [TIMEOUT, TIMEOUT]


def keys(first: int, number: int) -> list[str]:
    return [f"images/{each}" for each in range(first, first + number)]


def test_a_large_batch_is_received_and_deleted_in_several_requests() -> None:
    on = Loop(Sqs(keys(0, 10), keys(10, 10), keys(20, 5), ["images/next"]), done, batch_size=25)

    assert on.loop.run()

    assert on.sqs.asked[:3] == [(10, 20), (10, 1), (5, 1)]
    assert on.sqs.deleted == [*keys(0, 25), "images/next"]
    assert (on.limits, on.sqs.deletes) == ([TIMEOUT, TIMEOUT], 4)


@pytest.mark.parametrize(
    "end", [[], client_error("ServiceUnavailable", 503, "ReceiveMessage")], ids=["empty", "refused"]
)
def test_what_was_received_does_not_wait_for_a_full_batch(end: Any) -> None:
    on = Loop(Sqs(keys(0, 7), keys(7, 3), end, ["images/next"]), done, batch_size=100)

    assert on.loop.run()

    assert on.sqs.deleted == [*keys(0, 10), "images/next"]
    assert len(on.limits) == 2


def test_after_a_signal_nothing_more_is_received_for_a_batch() -> None:
    on = Loop(Sqs(keys(0, 10), keys(10, 10)), done, batch_size=20)
    on.sqs.during_receive = on.stop.request

    assert on.loop.run()

    assert on.sqs.deleted == keys(0, 10)
    assert on.sqs.received == 1


def test_each_request_for_a_batch_has_a_heartbeat_before_it() -> None:
    on = Loop(Sqs(keys(0, 10), keys(10, 10)), done, batch_size=20)

    assert on.loop.run()

    assert on.beats == len(on.sqs.asked) == 3


def test_what_of_a_large_batch_is_not_deleted_is_tried_again_after_one_pause() -> None:
    on = Loop(Sqs(keys(0, 10), keys(10, 10)), done, batch_size=20)
    on.sqs.refusals = [["images/3"], client_error("ServiceUnavailable", 503, "DeleteMessageBatch")]
    start = on.clock()

    assert on.loop.run()

    assert sorted(on.sqs.deleted) == sorted(keys(0, 20))
    assert (on.sqs.deletes, on.clock() - start) == (4, 1.0)


def test_a_batch_of_failures_deletes_nothing() -> None:
    on = Loop(Sqs(["images/b"]), refuse("images/b"))

    assert on.loop.run()

    assert on.sqs.deletes == 0


def test_what_is_not_deleted_is_tried_again_alone_and_then_logged(caplog: pytest.LogCaptureFixture) -> None:
    on = Loop(Sqs(["images/a", "images/b", "images/c"]), done)
    on.sqs.refusals = [
        ["images/a", "images/b"],
        client_error("ServiceUnavailable", 503, "DeleteMessageBatch"),
        ["images/b"],
    ]

    assert on.loop.run()

    assert on.sqs.deleted == ["images/c", "images/a"]
    assert on.sqs.deletes == DELETE_ROUNDS
    (line,) = data_of(caplog, "not deleted")
    assert line == {"why": "InternalError", "message_ids": ["images/b"]}


def test_after_a_signal_the_batch_in_hand_is_finished_and_nothing_more_received() -> None:
    def handle(event: Event, delivery: Delivery) -> Outcome:
        if event.key == "images/a":
            on.stop.request()
        return done(event, delivery)

    on = Loop(Sqs(["images/a", "images/b"], ["images/c"]), handle)

    assert on.loop.run()

    assert on.sqs.deleted == ["images/a", "images/b"]
    assert on.sqs.received == 1


def test_what_a_long_poll_brings_after_a_signal_is_processed() -> None:
    on = Loop(Sqs(["images/a"], ["images/b"]), done)
    on.sqs.during_receive = on.stop.request

    assert on.loop.run()

    assert on.sqs.deleted == ["images/a"]
    assert on.sqs.received == 1


def test_what_a_long_poll_brings_after_a_second_signal_is_given_back() -> None:
    def signal_twice() -> None:
        on.stop.request()
        on.stop.request()

    on = Loop(Sqs(["images/a"]), done)
    on.sqs.during_receive = signal_twice

    assert not on.loop.run()

    assert on.sqs.deleted == []
    assert on.sqs.visible == {"images/a": 0}
    assert on.limits == [], "nothing was begun"


def test_a_second_signal_gives_back_what_is_in_hand_whatever_it_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    hung, over = threading.Event(), threading.Event()

    def handle(_event: Event, _delivery: Delivery) -> Outcome:
        hung.set()
        over.wait(60)
        return Outcome(Kind.DONE)

    on = Loop(Sqs(["images/a", "images/b"]), handle)

    def signal_twice() -> None:
        hung.wait(60)
        on.stop.request()
        on.stop.request()

    sender = threading.Thread(target=signal_twice)
    sender.start()
    try:
        assert not on.loop.run()
    finally:
        over.set()
        sender.join()

    assert on.sqs.visible == {"images/a": 0, "images/b": 0}
    assert on.sqs.deleted == []
    assert data_of(caplog, "given back") == [{"message_ids": ["images/a", "images/b"]}]


def test_a_batch_has_the_functions_timeout_and_after_a_signal_what_is_left_to_stop() -> None:
    left: list[float] = []

    def handle(event: Event, delivery: Delivery) -> Outcome:
        left.append(on.seconds_left())
        on.clock.now += 10
        left.append(on.seconds_left())
        on.stop.request()
        left.append(on.seconds_left())
        return done(event, delivery)

    on = Loop(Sqs(["images/a"]), handle)

    assert on.loop.run()

    assert left == [TIMEOUT, TIMEOUT - 10, STOP - TO_DELETE]


def test_a_second_request_does_not_postpone_the_end() -> None:
    clock = Clock()
    stop = StopRequest(STOP, clock=clock)
    stop.request()
    first = stop.deadline
    clock.now += 5

    stop.request()

    assert stop.deadline == first == clock.now - 5 + STOP


def test_a_failed_receive_is_repeated_after_a_growing_pause(caplog: pytest.LogCaptureFixture) -> None:
    refusals = [client_error("AccessDenied", 403, "ReceiveMessage")] * 7
    on = Loop(Sqs(*refusals, ["images/a"], refusals[0]), done)

    assert on.loop.run()

    assert on.sqs.deleted == ["images/a"]
    *growing, afterwards = on.stop.pauses
    assert all(2**number / 2 <= pause <= 2**number for number, pause in enumerate(growing[:5]))
    assert max(growing) <= MAX_PAUSE
    assert afterwards <= 1, "it begins anew"
    assert data_of(caplog, "no messages were received")[0]["why"].startswith("sqs:ReceiveMessage: AccessDenied")


def test_a_pause_ends_when_a_stop_is_requested() -> None:
    refusal = client_error("AccessDenied", 403, "ReceiveMessage")
    on = Loop(Sqs(refusal, refusal), done)
    on.sqs.during_receive = lambda: None if on.sqs.received == 0 else on.stop.request()

    assert on.loop.run()

    assert on.stop.would_end == [False, True]


def test_the_heart_beats_before_each_receive_and_while_a_batch_takes_long() -> None:
    on = Loop(Sqs(["images/a"]), done)
    on.stop.is_slow = 3

    assert on.loop.run()

    assert on.beats == 2 + 3


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_batch_that_does_not_end_ends_the_process_with_the_stacks_of_its_threads() -> None:
    ended = run(
        "import threading\nfrom handlers.worker_loop import ended_after\n"
        "with ended_after(60):\n    pass\n"
        "with ended_after(0.2):\n    threading.Event().wait(60)"
    )

    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert "threading.py" in ended.stderr


def test_a_batch_that_ends_in_time_does_not_end_the_process() -> None:
    ended = run(
        "import threading\nfrom handlers.worker_loop import ended_after\n"
        "with ended_after(0.2):\n    pass\n"
        "threading.Event().wait(0.5)\nprint('alive')"
    )

    assert ended.stdout.strip() == "alive", ended.stderr


def test_signals_that_came_during_the_start_count_and_no_child_gets_any() -> None:
    ended = run(
        "import os, signal, subprocess, sys\nfrom handlers.worker_loop import StopRequest, block_signals\n"
        "block_signals()\n"
        "child = subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True)\n"
        "print(next(line for line in child.stdout.splitlines() if line.startswith('SigBlk')).split()[1])\n"
        "os.kill(os.getpid(), signal.SIGTERM)\nstop = StopRequest(5)\nstop.listen()\n"
        "print(stop.wait(lambda: stop.is_requested, 60), stop.is_urgent)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "print(stop.wait(lambda: stop.is_urgent, 60))"
    )

    blocked, *told = ended.stdout.split()
    assert int(blocked, 16) == sum(1 << (number - 1) for number in SIGNALS), ended.stderr
    assert told == ["True", "False", "True"]
    assert signal.SIGTERM in SIGNALS
