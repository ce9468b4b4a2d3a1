"""The variants of one image in parallel: each meets its own fate, and the worst of them decides on the message."""

import itertools
import threading
from collections.abc import Collection
from dataclasses import replace

import pytest

from processing.concurrency import AT_ONCE, PAUSES, Threads
from processing.errors import Conflict, LeaseLost, OutOfTime, PreconditionFailed, Unavailable
from processing.events import ObjectRemoved
from processing.ledger import Claim, Delivery, Version
from processing.outcome import Kind
from processing.picture import Rendered
from processing.publisher import UNKNOWN, Publication
from processing.recipe import Recipe
from processing.storage.objects import NewVariant, Published
from tests.builders import UPLOADS, fake_render, recipe
from tests.doubles import MemoryStore
from tests.processing.conftest import LEASE, variant
from tests.processing.test_worker import KEY, LATER, ONCE, Lab
from tests.threads import no_thread_left

NAMES = ("desktop", "tablet", "phone")
KEYS = [f"{name}/cat.jpg" for name in NAMES]
SLOW_DOWN = Unavailable("SlowDown", "s3:PutObject")


class Meeting:
    """A store whose requests of one kind wait until one for each variant has been sent; then each may fail.

    Args:
        failures: of those requests, by key; with ``once``, of the first alone.
    """

    def __init__(self, memory: MemoryStore, failures: dict[str, Exception], *, once: bool) -> None:
        self._memory = memory
        self.variants = memory.variants
        self.fetch, self.source_etag = memory.fetch, memory.source_etag
        self.failures = failures
        self._once = once
        self.barrier = threading.Barrier(len(NAMES), timeout=10)
        self.waits_at = "put"
        self.sent: list[str] = []

    def put(self, variant: NewVariant, *, over: str | None) -> None:
        self._meet("put", variant.key)
        self._memory.put(variant, over=over)

    def variant(self, key: str) -> Published | None:
        self._meet("variant", key)
        return self._memory.variant(key)

    def delete(self, key: str, *, etag: str) -> None:
        self._meet("delete", key)
        self._memory.delete(key, etag=etag)

    def _meet(self, name: str, key: str) -> None:
        is_first = f"{name} {key}" not in self.sent
        self.sent.append(f"{name} {key}")
        if name == self.waits_at and is_first:
            self.barrier.wait()
        if name == self.waits_at and key in self.failures:
            raise self.failures.pop(key) if self._once else self.failures[key]


class Stand:
    """A worker with threads for three variants."""

    def __init__(self, failures: dict[str, Exception] | None = None, *, once: bool = False) -> None:
        self.lab = Lab(*NAMES)
        self.store = Meeting(self.lab.store, failures or {}, once=once)
        self.worker = replace(self.lab.worker, store=self.store, execute=Threads(len(NAMES)))

    def publication(self, body: bytes = b"A") -> tuple[Publication, Rendered, str]:
        """As the worker makes it, with what it would publish."""
        event = self.lab.upload(body)
        claim = self.lab.ledger.claim(Version(UPLOADS, KEY, event.etag), ONCE)
        assert isinstance(claim, Claim)
        return self.worker._publication(claim, KEY), fake_render(body, self.worker.recipe), event.etag


def test_the_puts_of_one_image_are_sent_in_parallel() -> None:
    on = Stand()

    with no_thread_left():
        outcome = on.worker.handle(on.lab.upload(b"A"), ONCE)

    assert (outcome.kind, outcome.puts) == (Kind.DONE, 3)
    assert sorted(on.store.variants) == sorted(KEYS)


def test_the_heads_of_a_duplicate_are_sent_in_parallel() -> None:
    on = Stand()
    event = on.lab.upload(b"A")
    on.worker.handle(event, ONCE)
    on.store.waits_at = "variant"

    assert on.worker.handle(event, LATER).kind == Kind.DUPLICATE


def test_the_heads_of_a_survey_are_sent_in_parallel() -> None:
    on = Stand()
    event = on.lab.upload(b"A")
    on.worker.handle(event, ONCE)
    on.store.waits_at = "variant"
    on.worker = replace(on.worker, recipe=recipe(*NAMES, quality=2))

    assert on.worker.handle(event, LATER).kind == Kind.DONE


@pytest.mark.parametrize("waits_at", ["variant", "put"])
def test_the_requests_for_a_newer_version_are_sent_in_parallel(waits_at: str) -> None:
    on = Stand()
    publication, *_ = on.publication()
    newer = on.lab.upload(b"B").etag
    on.store.waits_at = waits_at

    assert publication.reconcile(UNKNOWN) == newer
    assert set(on.lab.shown().values()) == {b"B"}


@pytest.mark.parametrize("waits_at", ["variant", "delete"])
def test_the_requests_of_a_removal_are_sent_in_parallel(waits_at: str) -> None:
    on = Stand()
    on.worker.handle(on.lab.upload(b"A"), ONCE)
    on.lab.store.remove(KEY)
    on.store.waits_at = waits_at

    assert on.worker.handle(ObjectRemoved(UPLOADS, KEY), LATER).kind == Kind.REMOVED
    assert on.store.variants == {}


def test_a_put_that_fails_leaves_the_others_written_and_the_next_attempt_finishes() -> None:
    on = Stand({KEYS[1]: SLOW_DOWN})
    event = on.lab.upload(b"A")

    with no_thread_left(), pytest.raises(Unavailable):
        on.worker.handle(event, ONCE)
    assert sorted(on.store.variants) == sorted([KEYS[0], KEYS[2]])
    assert (on.lab.status(event), on.lab.item(event)["reason"]["cause"]) == ("FAILED", "SlowDown")

    on.store.failures.clear()
    assert on.worker.handle(event, Delivery("m1", 2)).kind == Kind.DONE
    assert sorted(on.store.variants) == sorted(KEYS)


@pytest.mark.parametrize("first", [0, 2])
def test_the_cause_that_aws_names_is_recorded_beside_one_of_time(first: int) -> None:
    on = Stand({KEYS[first]: OutOfTime("0.1 s"), KEYS[2 - first]: SLOW_DOWN})
    event = on.lab.upload(b"A")

    with pytest.raises(Unavailable) as raised:
        on.worker.handle(event, ONCE)
    assert on.lab.item(event)["reason"]["cause"] == "SlowDown"
    assert "another part failed as well: OutOfTime: 0.1 s" in raised.value.__notes__
    assert sorted(on.store.variants) == [KEYS[1]]


def test_after_a_lost_lease_nothing_is_recorded_whatever_else_failed() -> None:
    on = Stand({KEYS[0]: SLOW_DOWN, KEYS[2]: LeaseLost("another worker's")})
    event = on.lab.upload(b"A")

    with pytest.raises(LeaseLost):
        on.worker.handle(event, ONCE)
    assert on.lab.status(event) == "IN_PROGRESS"


def test_a_put_over_an_older_variant_is_repeated_beside_others_that_succeed() -> None:
    on = Stand()
    on.store.variants[KEYS[1]] = variant(KEYS[1], b"Z", source="older")

    outcome = on.worker.handle(on.lab.upload(b"A"), ONCE)

    assert (outcome.kind, outcome.puts) == (Kind.DONE, 4)
    assert set(on.lab.shown().values()) == {b"A"}
    assert sorted(on.store.sent) == sorted([*(f"put {key}" for key in KEYS), f"variant {KEYS[1]}", f"put {KEYS[1]}"])


def test_a_write_is_counted_before_its_answer_in_every_thread() -> None:
    on = Stand(dict.fromkeys(KEYS, SLOW_DOWN))
    publication, rendered, etag = on.publication()
    counts: list[tuple[bool, int]] = []
    on.store.barrier = threading.Barrier(3, lambda: counts.append((publication.wrote, publication.puts)), timeout=10)

    with pytest.raises(Unavailable):
        publication.publish(rendered, etag)
    assert counts == [(True, 3)]


class Contested(int):
    """A number whose addition lasts until another thread has begun one, if any can."""

    barrier = threading.Barrier(2, timeout=0.2)

    def __add__(self, other: int) -> int:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            self.barrier.reset()
        return Contested(int(self) + other)


def test_no_write_is_missed_in_the_count_when_threads_count_at_once() -> None:
    on = Stand()
    publication, rendered, etag = on.publication()
    publication.puts = Contested(0)

    publication.publish(rendered, etag)

    assert publication.puts == 3


def test_each_variant_has_all_its_rounds_and_the_pauses_count_once() -> None:
    refused = PreconditionFailed("ConditionalRequestConflict")
    on = Stand(dict.fromkeys(KEYS, refused))
    publication, rendered, etag = on.publication()

    with pytest.raises(Conflict):
        publication.publish(rendered, etag)
    assert [on.store.sent.count(f"put {key}") for key in KEYS] == [AT_ONCE + PAUSES] * 3

    again = publication._lease.rounds("s3:HeadObject")
    assert list(itertools.islice(again, AT_ONCE)) == list(range(AT_ONCE))
    with pytest.raises(Conflict):  # the pauses of all the work on the object are over
        next(again)


def test_no_put_is_sent_after_the_lease_while_others_were_under_way() -> None:
    on = Stand()
    publication, rendered, etag = on.publication()
    publication._execute = Threads(2)
    on.store.barrier = threading.Barrier(2, lambda: on.lab.clock.sleep(LEASE), timeout=10)

    with pytest.raises(OutOfTime):
        publication.publish(rendered, etag)
    assert sorted(on.store.sent) == sorted([f"put {KEYS[0]}", f"put {KEYS[1]}"])
    assert publication.puts == 2


def test_a_source_that_changed_beside_another_failure_is_still_reconciled() -> None:
    on = Stand({KEYS[0]: SLOW_DOWN, KEYS[2]: PreconditionFailed("412")}, once=True)
    event = on.lab.upload(b"A")

    def overtaken(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        on.lab.upload(b"B")
        return fake_render(data, recipe, only)

    assert replace(on.worker, render=overtaken).handle(event, ONCE).kind == Kind.SUPERSEDED
    assert set(on.lab.shown().values()) == {b"B"}
