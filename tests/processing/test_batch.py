"""Lambda's partial-batch contract, and the fate of every outcome."""

import logging
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from processing.batch import BACKOFF, NOT_STARTED_JITTER, Batch, fate_of
from processing.concurrency import in_this_thread
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
from processing.messages import Message, MessageGroup, ParsedMessage, ThreadExecutor
from processing.outcome import Kind, Outcome
from processing.sandbox.capacity import TimeBudget
from tests.builders import created_body, s3_body, s3_record

T = TypeVar("T")
THROTTLED = Unavailable("SlowDown", "s3:GetObject images/a.jpg")
OUTAGE = 3600  # seconds
UPLOADED = datetime(2026, 11, 21, 7, tzinfo=UTC).timestamp()  # of every event


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
        budget=TimeBudget(20, function_timeout=260),
        max_receive_count=5,
        clock=lambda: 1000.0,
        rng=random.Random(1),
    )


def message(key: str, *, receive: int = 1, body: str | None = None) -> Message:
    return Message(f"id-{key}", f"handle-{key}", body or created_body(key), receive, 990.0)


def parsed_message(item: object) -> ParsedMessage:
    assert isinstance(item, ParsedMessage)
    return item


def failures(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def process(made: Batch, *messages: Message, seconds: float = 260) -> list[str]:
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
    return fate_of(result, receive_count=receive, max_receive_count=5, now=1000.0, rng=random.Random(seed))


def test_a_poison_message_comes_back_and_its_neighbors_do_not() -> None:
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


def test_without_time_for_a_try_nothing_is_started_and_what_is_handed_back_is_spread() -> None:
    queue = Recorder()
    started: list[str] = []

    def handle(event: Event, _: Delivery) -> Outcome:
        started.append(event.key)
        return Outcome(Kind.DONE)

    messages = [message(key) for key in "abcdefghij"]
    assert process(batch(handle, queue), *messages, seconds=44.9) == [each.id for each in messages]
    assert started == []
    assert process(batch(handle), *messages, seconds=45.1) == []
    assert max(queue.delays.values()) <= NOT_STARTED_JITTER
    assert len(set(queue.delays.values())) > 5, "a lump would be too much for the next batch again"


def test_whatever_breaks_the_batch_loses_no_message(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def postpone(self, delays: Mapping[str, int]) -> None:
            raise TypeError(f"no {delays}")

    made = batch(ends({"b": THROTTLED}), Broken())  # type: ignore[arg-type]

    assert process(made, message("a"), message("b")) == ["id-b"]
    assert "were not postponed" in caplog.text


def test_a_message_that_is_in_a_batch_twice_takes_nothing_from_its_neighbors() -> None:
    queue = Recorder()
    twice = message("a")

    assert process(batch(ends({"b": THROTTLED}), queue), twice, message("b"), replace(twice, receipt_handle="h2")) == [
        "id-b"
    ]
    assert queue.delays.keys() == {"handle-b"}


def test_a_message_of_which_one_copy_failed_comes_back_once_and_later() -> None:
    queue = Recorder()
    results: list[Outcome | Exception] = [THROTTLED, Outcome(Kind.DONE), Busy(1060.0), CorruptImage("broken")]
    tries = iter(results)

    def handle(event: Event, _: Delivery) -> Outcome:
        end = next(tries)
        if isinstance(end, Exception):
            raise end
        return end

    assert process(batch(handle, queue), message("a"), message("a")) == ["id-a"]
    assert queue.delays["handle-a"] >= BACKOFF[0]
    assert process(batch(handle, queue), message("b"), message("b")) == ["id-b"]
    assert queue.delays["handle-b"] >= 60


class Breaking(logging.Handler):
    """A handler of the log that breaks at whatever speaks of one object."""

    def emit(self, record: logging.LogRecord) -> None:
        if "uploads/a" in str(getattr(record, "data", "")) or record.exc_info:
            raise RuntimeError("no disk")


@pytest.fixture
def breaking_log() -> Iterator[None]:
    log = logging.getLogger("darkroom")
    handler = Breaking()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@pytest.mark.parametrize("executor", [in_this_thread, ThreadExecutor(4, lambda _: nullcontext())])
@pytest.mark.usefixtures("breaking_log")
def test_a_log_that_breaks_changes_no_fate(executor: Any, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("darkroom").setLevel(logging.INFO)
    queue = Recorder()
    made = replace(batch(ends({"a": THROTTLED, "b": THROTTLED}), queue), executor=executor)

    assert process(made, message("a"), message("b"), message("c")) == ["id-a", "id-b"]
    assert process(batch(ends({})), message("a"), message("b")) == []
    assert queue.delays.keys() == {"handle-a", "handle-b"}
    assert "RuntimeError: no disk" in capsys.readouterr().err


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class UnreadableBody(str):
    def startswith(self, *_: Any) -> bool:
        raise ZeroDivisionError("a bug in the parser")


BREAKING: dict[str, tuple[Exception, str | None]] = {
    "its fate cannot be told": (Busy(math.inf), None),
    "its reason cannot be told": (Unreadable(), None),
    "its body cannot be read": (THROTTLED, UnreadableBody("{}")),
}


@pytest.mark.parametrize("executor", [in_this_thread, ThreadExecutor(4, lambda _: nullcontext())])
@pytest.mark.parametrize(("end", "body"), BREAKING.values(), ids=BREAKING)
def test_whatever_breaks_for_one_message_takes_nothing_from_its_neighbors(
    end: Exception, body: str | None, executor: Any
) -> None:
    queue = Recorder()
    made = replace(batch(ends({"a": end, "b": THROTTLED}), queue), executor=executor)

    assert process(made, message("a", body=body), message("b"), message("c")) == ["id-a", "id-b"]
    assert queue.delays["handle-b"] >= BACKOFF[0]
    assert queue.delays["handle-a"] >= BACKOFF[0], "what has no fate comes back as any other failure does"


@pytest.mark.parametrize("error", [RuntimeError("no disk"), KeyboardInterrupt()])
def test_what_is_known_is_postponed_and_the_end_is_told_however_the_batch_ends(error: BaseException) -> None:
    queue, ended = Recorder(), []

    def executor(work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
        work(groups[0])
        raise error

    made = replace(
        batch(ends({"a": CorruptImage("broken")}), queue),
        executor=executor,
        end=lambda: ended.append(dict(queue.delays)),
    )
    with nullcontext() if isinstance(error, Exception) else pytest.raises(KeyboardInterrupt):
        assert process(made, message("a"), message("b")) == ["id-a", "id-b"]

    assert queue.delays == {"handle-a": 0, "handle-b": BACKOFF[0]}
    assert ended == [queue.delays]


@pytest.mark.parametrize("fails", [Unavailable("RequestThrottled", "sqs"), TypeError("bug")])
def test_the_end_is_told_when_the_queue_fails(fails: Exception) -> None:
    ended: list[int] = []
    made = replace(batch(ends({"a": THROTTLED}), Recorder(fails=fails)), end=lambda: ended.append(1))

    assert process(made, message("a")) == ["id-a"]
    assert ended == [1]


def test_an_end_that_breaks_fails_no_message(caplog: pytest.LogCaptureFixture) -> None:
    def end() -> None:
        raise RuntimeError("no metrics")

    assert process(replace(batch(ends({"b": THROTTLED})), end=end), message("a"), message("b")) == ["id-b"]
    assert "no metrics" in caplog.text


def test_what_was_received_most_often_goes_first() -> None:
    seen: list[str] = []

    def handle(event: Event, _: Delivery) -> Outcome:
        seen.append(event.key)
        return Outcome(Kind.DONE)

    messages = [message("a"), message("b", receive=3), message("c", receive=5), message("d", receive=3)]
    process(batch(handle), *messages)

    assert seen == ["c", "b", "d", "a"]


def test_a_message_without_a_receipt_handle_postpones_none_but_its_neighbors() -> None:
    queue = Recorder()
    made = batch(ends({"a": THROTTLED, "b": THROTTLED}), queue)

    process(made, replace(message("a"), receipt_handle=""), message("b"))

    assert queue.delays.keys() == {"handle-b"}


def test_a_queue_that_cannot_be_told_keeps_its_own_timeout(caplog: pytest.LogCaptureFixture) -> None:
    queue = Recorder(fails=Unavailable("RequestThrottled", "sqs:ChangeMessageVisibilityBatch"))

    assert process(batch(ends({"a": THROTTLED}), queue), message("a")) == ["id-a"]
    assert "the queue's visibility timeout applies" in caplog.text


def test_two_messages_of_one_object_are_worked_on_in_their_order() -> None:
    """Side by side, the second would find the first one's claim, and come back for nothing."""
    seen: list[list[str]] = []

    def executor(work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
        seen.extend([parsed_message(item).message.id for item in group.items] for group in groups)
        in_this_thread(work, groups)

    body = s3_body(s3_record("b"), s3_record("c"))
    made = replace(batch(ends({"b": THROTTLED})), executor=executor)
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

    made = replace(batch(ends({})), executor=lambda work, groups: seen.extend(group.size for group in groups))
    process(made, message("a", body=s3_body(*records)))

    assert seen == [largest]


def test_an_invocation_begins_with_its_own_time_before_any_work() -> None:
    """The last one's, in the environment that is kept, would let the first message start too late."""
    made = batch(ends({}))

    assert process(made, message("a"), seconds=260) == []
    assert process(made, message("a"), seconds=40) == ["id-a"]
    assert process(made, message("a"), seconds=260) == []


def test_what_else_needs_the_end_of_an_invocation_is_told_of_it_before_any_work() -> None:
    told: list[float | str] = []

    def handle(event: Event, _: Delivery) -> Outcome:
        told.append(event.key)
        return Outcome(Kind.DONE)

    process(replace(batch(handle), begin=lambda left: told.append(left())), message("a"), seconds=99)

    assert told == [99, "a"]


def test_a_spread_that_breaks_loses_no_message(caplog: pytest.LogCaptureFixture) -> None:
    def executor(work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
        work(groups[0])
        raise RuntimeError("can't start new thread")

    made = replace(batch(ends({})), executor=executor)

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
    assert len({fate(Busy(1060.0), seed=seed).delay for seed in range(50)}) > 3, "or all meet again"


def test_not_started_comes_back_soon() -> None:
    got = fate(NotStarted("9 s are left"))

    assert (got.acknowledged, got.level) == (False, logging.INFO)
    assert 0 <= got.delay <= NOT_STARTED_JITTER


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
        fate_of(THROTTLED, receive_count=receive, max_receive_count=5, now=0, rng=NoJitter()).delay or 0
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

    retried, done = (record.__dict__["data"] for record in caplog.records)
    assert (done["outcome"], done["object"], done["queue_delay_ms"]) == ("done", "uploads/a", 10_000)
    assert (retried["outcome"], retried["reason"]["cause"], retried["last_receive"]) == ("retryable", "SlowDown", True)
    assert "ready_ms" not in retried


def test_only_an_image_that_is_done_has_a_time_to_ready(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    kinds = {f"{kind}": Outcome(kind, puts=2) for kind in Kind}
    made = replace(batch(ends({**kinds})), clock=lambda: UPLOADED + 3)

    process(made, *[replace(message(key), sent_at=UPLOADED + 1) for key in kinds])

    lines = [record.__dict__["data"] for record in caplog.records]
    assert {line["outcome"]: line["ready_ms"] for line in lines} == {
        kind: 3000 if kind is Kind.DONE else None for kind in Kind
    }
    assert {line["puts"] for line in lines} == {2}
