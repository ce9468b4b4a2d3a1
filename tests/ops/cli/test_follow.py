"""When a follower reports that something has come to its end, row by row of its table, and when it gives up."""

import pytest

from ops.cli.follow import Follower, end_of
from ops.errors import StackError
from processing.ledger import Phase, Reason, Record, Status, Version
from processing.ledger.table import MOST_KEYS

NOW = 1000.0
CAT, DOG = Version("uploads", "images/cat.jpg", "e1"), Version("uploads", "images/dog.jpg", "e2")


def record(status, cause="", **more):
    reason = Reason(cause, "no end") if cause else None
    return Record(CAT, Status(status), reason=reason, **more)


DONE = record("DONE")
RETRYING = record("FAILED", "SlowDown", attempts=5)
DEAD = record("FAILED", "SlowDown", attempts=5, last_receive=True)
KILLED = record("IN_PROGRESS", attempts=5, lease_until=999, last_receive=True)
INTERRUPTED = record("IN_PROGRESS", attempts=5, lease_until=999)
WORKING = record("IN_PROGRESS", attempts=5, lease_until=1001, last_receive=True)
GIVEN_BACK = record("IN_PROGRESS", attempts=5)
REJECTED = record("REJECTED", "CorruptImage", attempts=5)


@pytest.mark.parametrize(
    ("known", "first", "later", "not_later"),
    [
        (DONE, Phase.DONE, Phase.DONE, Phase.DONE),  # a duplicate of a redriven message writes nothing
        (record("SUPERSEDED"), Phase.SUPERSEDED, Phase.SUPERSEDED, Phase.SUPERSEDED),
        (record("REMOVED"), Phase.REMOVED, Phase.REMOVED, Phase.REMOVED),
        (REJECTED, Phase.REJECTED, Phase.REJECTED, None),
        (DEAD, Phase.DEAD, Phase.DEAD, None),
        (KILLED, Phase.DEAD, Phase.DEAD, None),
        (RETRYING, None, Phase.RETRYING, None),
        (INTERRUPTED, None, Phase.INTERRUPTED, None),
        (WORKING, None, None, None),
        (GIVEN_BACK, None, None, None),
        (None, None, None, None),
    ],
)
def test_an_end_is_known_by_the_phase_and_of_what_was_redriven_by_a_later_attempt(known, first, later, not_later):
    assert end_of(known, NOW) is first
    assert end_of(known, NOW, attempts_before=4) is later
    assert end_of(known, NOW, attempts_before=5) is not_later


class World:
    """A table, a queue and a clock; ``script`` is what happens at each pause."""

    def __init__(self, *script):
        self.records = {}
        self.requests = []
        self.now = 0.0
        self.queued = 1
        self.script = list(script)
        self.broken = False
        self.ended: list[object] = []
        self.follower = Follower[object](
            self,
            is_settled=lambda: self.queued == 0,
            check=self.check,
            on_end=lambda end: self.ended.append(end.subject),
            clock=lambda: self.now,
            pause=self.pause,
            now=lambda: NOW,
        )

    def read(self, versions):
        self.requests.append(list(versions))
        return {version: self.records[version] for version in versions if version in self.records}

    def pause(self, seconds):
        self.now += seconds
        if self.script:
            self.script.pop(0)()

    def check(self):
        if self.broken:
            raise StackError("the local stack stopped polling")

    def ends(self, *versions, timeout=5.0):
        for version in versions:
            self.follower.add(version.key, version)
        return {end.subject: (end.name, end.cause) for end in self.follower.wait_for_all(timeout)}


def test_it_waits_for_what_is_retried():
    world = World()
    world.records[CAT] = RETRYING
    world.script += [lambda: None] * 20 + [lambda: world.records.update({CAT: DONE})]

    assert world.ends(CAT) == {CAT.key: ("done", "")}
    assert world.now == pytest.approx(2.1)


def test_it_gives_up_only_when_nothing_has_ended_for_long():
    world = World()
    versions = [Version("uploads", f"images/{number}.jpg", "e") for number in range(4)]
    for each in versions[:3]:
        world.script += [lambda: None] * 30 + [lambda each=each: world.records.update({each: DONE})]

    names = [name for name, _ in world.ends(*versions).values()]

    assert names == ["done"] * 3 + ["left"]
    assert world.now == pytest.approx(3 * 3.1 + 5, abs=0.3)


def test_ends_are_named_with_their_cause_and_what_is_left_with_its_last_record():
    world = World()
    elephant = Version("uploads", "images/elephant.jpg", "e3")
    world.records = {CAT: REJECTED, DOG: DEAD, elephant: RETRYING}

    ends = world.ends(CAT, DOG, elephant)

    assert ends == {
        CAT.key: ("rejected", "CorruptImage"),
        DOG.key: ("failed", "SlowDown"),
        elephant.key: ("left", "SlowDown"),
    }
    assert world.ended == [CAT.key, DOG.key]
    assert ([each.is_good for each in world.follower.good], len(world.follower.failed)) == ([], 2)


@pytest.mark.parametrize("known", [RETRYING, WORKING, None])
def test_what_has_no_end_when_the_queue_is_empty_is_a_dead_message(known):
    world = World()
    world.records = {CAT: known} if known else {}
    world.script = [lambda: None, lambda: setattr(world, "queued", 0)]

    assert world.ends(CAT)[CAT.key][0] == "failed"
    assert world.follower.failed[0].record == known


def test_what_ends_while_the_queue_is_asked_is_no_dead_message():
    world = World()
    follower = Follower[str](world, is_settled=lambda: bool(world.records.update({CAT: DONE})) or True, now=lambda: NOW)
    follower.add("cat", CAT)

    assert [end.name for end in follower.wait_for_all(1)] == ["done"]


def test_a_request_reads_no_more_than_it_may_and_everything_gets_its_turn():
    world = World()
    versions = [Version("uploads", str(number), "e") for number in range(250)]
    world.records = dict.fromkeys(versions, DONE)

    assert set(world.ends(*versions).values()) == {("done", "")}
    assert [len(request) for request in world.requests] == [MOST_KEYS, MOST_KEYS, 50]


def test_between_other_work_it_asks_now_and_then_and_in_turns():
    world = World()
    for number in range(150):
        world.follower.add(number, Version("uploads", str(number), "e"))

    for now in (0.0, 0.05, 0.1):
        world.now = now
        world.follower.poll()

    first, second = world.requests
    assert len(set(first + second)) == 150


def test_one_version_can_be_followed_for_several_messages():
    world = World()
    world.records[CAT] = RETRYING
    world.follower.add("old", CAT, attempts_before=5)
    world.follower.add("new", CAT, attempts_before=4)

    assert not world.follower.wait(1)
    assert ([end.subject for end in world.follower.failed], world.follower.pending) == (["new"], 1)


def test_waiting_ends_when_enough_is_known():
    world = World()
    world.follower.add("cat", CAT)

    assert world.follower.wait(300, until=lambda: True)
    assert world.follower.pending == 1


def test_an_interrupted_wait_knows_of_each_how_far_it_came():
    world = World()
    world.records = {DOG: REJECTED}
    world.follower.add("cat", CAT)
    world.follower.add("dog", DOG)

    ends = world.follower.wait_for_all(300, until=lambda: True)

    assert [(end.subject, end.name) for end in ends] == [("dog", "rejected"), ("cat", "left")]
    assert world.ended == ["dog"]
    assert (world.now, world.follower.settle(300, until=lambda: True)) == (0, False)


def test_a_broken_stack_ends_every_wait():
    world: World = World(lambda: setattr(world, "broken", True))
    world.follower.add("cat", CAT)

    with pytest.raises(StackError, match="stopped polling"):
        world.follower.wait(5)
    with pytest.raises(StackError, match="stopped polling"):
        world.follower.settle(5)


def test_a_queue_that_empties_is_waited_for():
    world: World = World(lambda: None, lambda: setattr(world, "queued", 0))

    assert world.follower.settle(5)
    assert world.now == pytest.approx(0.2)


def test_a_queue_that_does_not_empty_is_given_up():
    world = World()

    assert not world.follower.settle(5)
    assert world.now == pytest.approx(5, abs=0.3)
