"""What becomes of messages over an hour, played on the real code with a virtual clock."""

from collections.abc import Callable

import pytest

from processing.ledger import Status
from tests.builders import BROKEN
from tests.doubles import etag_of
from tests.simulation.histories import Schedule
from tests.simulation.invariants import violations
from tests.simulation.simulator import CONDITIONAL, Fault, Invocation, World

KEY = "images/cat.jpg"
HOUR = 3600.0
S3 = {"fetch", "source_etag", "variant", "put", "delete"}
DYNAMODB = {"claim", "complete", "settle", "reject", "fail", "release"}


def to_the_end(world: World) -> None:
    schedule = Schedule(world.rng)
    schedule.calm = True
    for _ in range(20_000):
        if not schedule.step(world, []):
            return
    raise AssertionError("no end")


def out_of_order(service: set[str], world: World, *, until: float) -> Callable[[Invocation, str], Fault | None]:
    """Every request to the service is refused until the moment given."""
    return lambda _, name: Fault.THROTTLED if name in service and world.now < until else None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("service", [S3, DYNAMODB, S3 | DYNAMODB], ids=["S3", "DynamoDB", "both"])
def test_an_outage_of_an_hour_sends_nothing_to_the_dead_letters(service: set[str], seed: int) -> None:
    world = World(seed=seed)
    world.decide = out_of_order(service, world, until=world.now + HOUR)
    for number in range(3):
        world.upload(f"images/{number}.jpg", b"A")

    to_the_end(world)

    assert world.queue.dead == []
    assert violations(world) == []
    assert world.counts[Fault.THROTTLED] > 0


@pytest.mark.parametrize("write", CONDITIONAL)
def test_a_conflict_that_lasts_for_an_hour_costs_few_requests_and_no_message(write: str) -> None:
    world = World()
    world.upload(KEY, b"A")
    to_the_end(world)
    done, world.conflicts[write] = world.requests, world.now + HOUR
    world.remove(KEY)
    world.upload("images/dog.jpg", b"B")

    to_the_end(world)

    assert world.queue.dead == []
    assert violations(world) == []
    assert world.now > world.conflicts[write]
    assert world.requests - done < 140  # in four attempts, for each of two variants, 5 PUTs and 8 HEADs at most


def test_an_outage_that_begins_in_the_middle_of_an_image_loses_nothing() -> None:
    for after in range(1, 9):
        world = World(seed=after)
        begins = [after]

        def decide(_: Invocation, name: str, world: World = world, begins: list[int] = begins) -> Fault | None:
            if name not in S3 | DYNAMODB:
                return None
            begins[0] -= 1
            return Fault.THROTTLED if begins[0] < 0 and world.now < 1_000_000 + HOUR else None

        world.decide = decide
        world.upload(KEY, b"A")

        to_the_end(world)

        assert world.queue.dead == []
        assert violations(world) == []


def test_a_single_throttled_request_costs_less_than_a_minute() -> None:
    world = World()
    faults = [Fault.THROTTLED]
    world.decide = lambda _, name: faults.pop() if faults and name == "fetch" else None
    world.upload(KEY, b"A")
    started = world.now

    to_the_end(world)

    assert world.status(KEY, etag_of(b"A")) is Status.DONE
    assert world.now - started < 60


def test_a_broken_image_is_dead_within_seconds_and_decoded_once() -> None:
    world = World()
    world.upload(KEY, BROKEN)
    started = world.now

    to_the_end(world)

    assert [message.id for message in world.queue.dead] == ["m1"]
    assert world.now - started < 30
    assert sum(" fetch " in line for line in world.history) == 1


def test_a_redriven_rejection_is_decoded_again() -> None:
    world = World()
    world.upload(KEY, BROKEN)
    to_the_end(world)

    world.redrive()
    to_the_end(world)

    assert sum(" fetch " in line for line in world.history) == 2
    assert [message.id for message in world.queue.dead] == ["m2"]


def test_a_duplicate_waits_for_the_lease_instead_of_burning_its_receives() -> None:
    world = World()
    first = world.upload(KEY, b"A")
    slow = world.invoke(only=first)
    assert slow is not None
    while slow.waits_at != ("done", f"claim {KEY}"):
        world.step(slow)
    slow.frozen, slow.asleep_until = True, world.now + 600  # holds its lease to the last second
    double = world.queue.send(next(iter(world.spoken_of)))

    schedule = Schedule(world.rng)
    schedule.calm = True
    while double in world.queue.messages:
        receives = world.queue.messages[double].receives
        assert schedule.step(world, [])

    assert receives == 2  # once to learn of the lease, once when it has ended
    assert world.status(KEY, etag_of(b"A")) is Status.DONE
