"""Lambda's partial-batch contract, and the fate of every outcome."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from processing.batch import BACKOFF, Batch, Letter, Message, fate_of
from processing.errors import (
    Busy,
    CorruptImage,
    LeaseLost,
    NotStarted,
    OutOfTime,
    RejectedEarlier,
    Unavailable,
)
from processing.events import Event
from processing.ledger import Delivery
from processing.spread import Chain, one_after_another
from processing.worker import Kind, Outcome
from tests.builders import created_body, s3_body, s3_record

THROTTLED = Unavailable("SlowDown", "s3:GetObject images/a.jpg")
OUTAGE = 3600  # seconds


@dataclass
class Recorder:
    """A queue that remembers what it was asked for."""

    delays: dict[str, int] = field(default_factory=dict)
    fails: Exception | None = None

    def postpone(self, delays: Mapping[str, int]) -> None:
        self.delays |= delays
        if self.fails:
            raise self.fails


def ends(by_key: dict[str, Outcome | Exception]) -> Callable[[Event, Delivery], Outcome]:
    """A handle that ends as told, by key; anything else is done."""

    def handle(event: Event, _: Delivery) -> Outcome:
        end = by_key.get(event.key, Outcome(Kind.DONE))
        if isinstance(end, Exception):
            raise end
        return end

    return handle


def batch(handle: Callable[[Event, Delivery], Outcome], queue: Recorder | None = None) -> Batch:
    return Batch(
        handle=handle,
        queue=queue or Recorder(),
        max_receive_count=5,
        seconds_needed=lambda: 10,
        clock=lambda: 1000.0,
        chance=random.Random(1),
    )


def message(key: str, *, receive: int = 1, body: str | None = None) -> Message:
    return Message(f"id-{key}", f"handle-{key}", body or created_body(key), receive, 990.0)


def failures(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def process(made: Batch, *messages: Message, seconds: float = 60) -> list[str]:
    return failures(made.process(messages, seconds_left=lambda: seconds))


def test_the_ledger_is_told_which_receive_is_the_last() -> None:
    told: list[bool] = []

    def handle(_: Event, delivery: Delivery) -> Outcome:
        told.append(delivery.last_receive)
        raise THROTTLED

    for receive in (1, 4, 5, 6):
        process(batch(handle), message("images/a.jpg", receive=receive))

    assert told == [False, False, True, True]


def fate(result: Outcome | Exception, receive: int = 1, seed: int = 1) -> Any:
    return fate_of(result, receive_count=receive, max_receive_count=5, now=1000.0, chance=random.Random(seed))


def test_a_poison_message_comes_back_and_its_neighbours_do_not() -> None:
    made = batch(ends({"b": ZeroDivisionError()}))

    assert process(made, message("a"), message("b"), message("c")) == ["id-b"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_good_end_is_acknowledged(kind: Kind) -> None:
    assert process(batch(ends({"a": Outcome(kind)})), message("a")) == []


def test_a_message_that_speaks_of_nothing_is_acknowledged() -> None:
    assert process(batch(ends({})), message("t", body='{"Event": "s3:TestEvent"}')) == []


def test_a_malformed_message_comes_back_at_once_on_its_way_to_the_dead_letters() -> None:
    queue = Recorder()

    assert process(batch(ends({}), queue), message("a", body="not json"), message("b")) == ["id-a"]
    assert queue.delays == {"handle-a": 0}


def test_a_message_of_several_objects_succeeds_when_all_do() -> None:
    body = s3_body(s3_record("x"), s3_record("y"))

    assert process(batch(ends({})), message("a", body=body)) == []
    assert process(batch(ends({"y": THROTTLED})), message("a", body=body)) == ["id-a"]


def test_a_message_of_several_objects_waits_for_the_slowest() -> None:
    queue = Recorder()
    body = s3_body(s3_record("x"), s3_record("y"))

    process(batch(ends({"x": THROTTLED, "y": CorruptImage("broken")}), queue), message("a", body=body))

    assert queue.delays["handle-a"] >= BACKOFF[0]


def test_without_time_nothing_is_started_and_all_is_handed_back_at_once() -> None:
    queue = Recorder()
    started: list[str] = []

    def handle(event: Event, _: Delivery) -> Outcome:
        started.append(event.key)
        return Outcome(Kind.DONE)

    assert process(batch(handle, queue), message("a"), message("b"), seconds=9.9) == ["id-a", "id-b"]
    assert started == []
    assert queue.delays == {"handle-a": 0, "handle-b": 0}


def test_whatever_breaks_the_batch_loses_no_message(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def postpone(self, delays: Mapping[str, int]) -> None:
            raise TypeError(f"no {delays}")

    made = batch(ends({"b": THROTTLED}), Broken())  # type: ignore[arg-type]

    assert process(made, message("a"), message("b")) == ["id-b"]
    assert "the batch broke off" in caplog.text


def test_a_queue_that_cannot_be_told_keeps_its_own_timeout(caplog: pytest.LogCaptureFixture) -> None:
    queue = Recorder(fails=Unavailable("RequestThrottled", "sqs:ChangeMessageVisibilityBatch"))

    assert process(batch(ends({"a": THROTTLED}), queue), message("a")) == ["id-a"]
    assert "the queue's own visibility timeout holds" in caplog.text


def test_two_messages_of_one_object_are_worked_on_in_their_order() -> None:
    """Side by side, the second would find the first one's claim, and come back for nothing."""
    seen: list[list[str]] = []

    def spread(work: Callable[[Chain[Letter]], None], chains: Sequence[Chain[Letter]]) -> None:
        seen.extend([letter.message.id for letter in chain.items] for chain in chains)
        one_after_another(work, chains)

    body = s3_body(s3_record("b"), s3_record("c"))
    made = replace(batch(ends({"b": THROTTLED})), spread=spread)
    messages = [
        message("a"),
        message("b"),
        message("bc", body=body),
        message("t", body="{}"),
        replace(message("a"), id="a2"),
    ]

    assert process(made, *messages) == ["id-b", "id-bc", "id-t"]
    assert seen == [["id-a", "a2"], ["id-b", "id-bc"], ["id-t"]]


@pytest.mark.parametrize(("sizes", "largest"), [([100, 300], 300), ([100, None], None), ([], 0)])
def test_how_much_is_fetched_is_told_to_whoever_spreads(sizes: list[int | None], largest: int | None) -> None:
    seen: list[int | None] = []
    records = [s3_record("x") for _ in sizes] or [s3_record("x", name="ObjectRemoved:Delete")]
    for record, size in zip(records, sizes, strict=False):
        record["s3"]["object"]["size"] = size

    made = replace(batch(ends({})), spread=lambda work, chains: seen.extend(chain.size for chain in chains))
    process(made, message("a", body=s3_body(*records)))

    assert seen == [largest]


def test_an_invocation_begins_with_its_own_end() -> None:
    begun: list[float] = []

    process(replace(batch(ends({})), begin=lambda seconds_left: begun.append(seconds_left())), seconds=42)

    assert begun == [42]


def test_a_spread_that_breaks_loses_no_message(caplog: pytest.LogCaptureFixture) -> None:
    def spread(work: Callable[[Chain[Letter]], None], chains: Sequence[Chain[Letter]]) -> None:
        work(chains[0])
        raise RuntimeError("can't start new thread")

    made = replace(batch(ends({})), spread=spread)

    assert process(made, message("a"), message("b")) == ["id-b"]
    assert "can't start new thread" in caplog.text


def test_a_rejection_is_final_and_fast() -> None:
    for error in (CorruptImage("broken"), RejectedEarlier("CorruptImage", "broken")):
        got = fate(error)
        assert (got.outcome, got.acknowledged, got.delay, got.level) == ("rejected", False, 0, logging.WARNING)


def test_busy_comes_back_when_the_lease_has_ended() -> None:
    for seed in range(50):
        got = fate(Busy(1060.0), seed=seed)
        assert not got.acknowledged
        assert 61 <= got.delay <= 66


def test_not_started_comes_back_at_once() -> None:
    got = fate(NotStarted("9 s are left"))

    assert (got.acknowledged, got.delay, got.level) == (False, 0, logging.INFO)


@pytest.mark.parametrize("error", [THROTTLED, LeaseLost("x"), OutOfTime("x"), ZeroDivisionError()])
def test_what_may_pass_is_tried_again_later_and_later(error: Exception) -> None:
    delays = [fate(error, receive).delay for receive in range(1, 8)]

    assert delays[:4] == sorted(delays[:4])
    assert delays[0] <= 60


@pytest.mark.parametrize("wasted", [0, 1, 2, 3])
def test_an_outage_of_an_hour_sends_nothing_to_the_dead_letters(wasted: int) -> None:
    """Even when earlier receives were used up by something else, and the jitter is at its least."""

    class NoJitter(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return a

    waits = [
        fate_of(THROTTLED, receive_count=receive, max_receive_count=5, now=0, chance=NoJitter()).delay or 0
        for receive in range(1 + wasted, 5)
    ]

    assert sum(waits) >= OUTAGE


def test_only_the_last_receive_of_a_passing_failure_is_a_warning() -> None:
    assert [fate(THROTTLED, receive).level for receive in range(1, 6)] == [logging.INFO] * 4 + [logging.WARNING]


def test_a_bug_is_an_error_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    process(batch(ends({"a": ZeroDivisionError("oops")})), message("a"))

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "ZeroDivisionError: oops" in caplog.text


def test_every_object_leaves_one_line_that_tells_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    process(batch(ends({"b": THROTTLED})), message("a"), message("b", receive=5))

    done, retried = (record.__dict__["data"] for record in caplog.records)
    assert (done["outcome"], done["object"], done["queue_delay_ms"]) == ("done", "uploads/a", 10_000)
    assert (retried["outcome"], retried["reason"]["cause"], retried["last_receive"]) == ("retryable", "SlowDown", True)
