"""The shortest histories that break weaker rules, found by exhaustive search over the protocol.

Each is played step by step on the real code. With all rules it ends well; with the one rule taken away that it is named
for it does not. Z and A are two pictures; identical pictures have identical ETags.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation import mutants
from tests.simulation.histories import Schedule
from tests.simulation.invariants import violations
from tests.simulation.rendering import Weight
from tests.simulation.simulator import LEASE, RENDER, VISIBILITY, Fault, Invocation, Thread, World

KEY = "images/cat.jpg"
Z, A = b"Z", b"A"
MOST = 400  # steps of one invocation


class Stage:
    """A world in which nothing happens unless it is told to; ``first`` and ``second`` are the two variants."""

    first, second = "desktop/cat.jpg", "phone/cat.jpg"

    def __init__(self) -> None:
        self.world = World()

    def put(self, body: bytes) -> str:
        return self.world.upload(KEY, body)

    def remove(self) -> str:
        return self.world.remove(KEY)

    def start(self, message: str) -> Invocation:
        found = self.world.invoke(only=message)
        assert found is not None, f"{message} is not visible"
        return found

    def run(self, worker: Invocation, until: str = "") -> None:
        """Go on until the answer to the request ``until`` has arrived, or else to the end: one thread after another."""
        for _ in range(MOST):
            self.world.now = max(self.world.now + 0.01, worker.threads[0].awake_at)
            self.world.step(worker)
            if worker.run.dead:
                assert not until, f"{worker.name} ended before {until}\n" + "\n".join(self.world.history)
                return
            if worker.waits_at == ("done", until):
                return
        raise AssertionError("no end")

    def threads(self, worker: Invocation) -> list[Thread]:
        """Go on until there is a thread for each variant, none of which has begun."""
        while not worker.awaited:
            self.world.step(worker)
        return list(worker.awaited)

    def go_on(self, thread: Thread, until: str = "") -> None:
        """As `run`, with one thread alone."""
        while not thread.run.dead and thread.waits_at != ("done", until):
            self.world.now = max(self.world.now + 0.01, thread.awake_at)
            self.world.step(thread.invocation, thread)

    def run_to_a_write(self, worker: Invocation, what: str) -> None:
        """Go on until the first variant was put, or deleted, and die then; or else to the end."""
        while not worker.run.dead:
            if worker.waits_at == ("done", f"{what} {self.first}"):
                self.world.kill(worker)
                return
            self.world.step(worker)

    def read(self, worker: Invocation) -> None:
        self.run(worker, f"claim {KEY}")
        self.run(worker, f"fetch {KEY}")

    def judge(self, worker: Invocation, variant: str) -> None:
        """A put that meets another variant: what is there, and is the source still mine?"""
        self.run(worker, f"put {variant}")
        self.run(worker, f"variant {variant}")
        self.run(worker, f"source_etag {KEY}")

    def end(self) -> list[str]:
        """Let all that is alive come to its end, without a fault."""
        schedule = Schedule(self.world.rng)
        schedule.calm = True
        for _ in range(5_000):
            if not schedule.step(self.world, []):
                return violations(self.world)
        raise AssertionError("no end")


def superseded_after_an_own_write(on: Stage) -> None:
    """V1: a worker that is superseded in the middle of its writes covers what was acknowledged meanwhile."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    w1 = on.start(on.put(A))
    on.read(w1)
    on.run(w0, f"put {on.first}")
    on.run(w0, f"put {on.second}")
    on.judge(w1, on.first)
    m2 = on.put(Z)
    on.run(w0)
    on.run(on.start(m2))
    on.run(w1)


def a_second_variant_is_missing(on: Stage) -> None:
    """V2: the first variant alone says nothing of the second."""
    w0 = on.start(on.put(Z))
    on.run(w0, f"put {on.second}")
    on.world.lose(on.second, KEY)
    m1 = on.put(Z)
    on.run(w0)
    on.run(on.start(m1))


def a_removal_before_the_record(on: Stage) -> None:
    """V3: the record has no list of variants yet while the worker is between its last look and its record."""
    w0 = on.start(on.put(Z))
    on.run(w0, f"put {on.second}")
    on.run(w0, f"source_etag {KEY}")
    w1 = on.start(on.remove())
    on.run(w1, f"source_etag {KEY}")
    on.run(w0)
    on.run(w1)


def removed_and_uploaded_again(on: Stage) -> tuple[Invocation, str, str]:
    """Z is removed and uploaded again, while the removal has just seen that the source is gone."""
    m0, m1 = on.put(Z), on.remove()
    w0, removal = on.start(m0), on.start(m1)
    on.run(w0, f"claim {KEY}")
    on.run(removal, f"claim {KEY}")
    on.run(w0, f"fetch {KEY}")
    on.run(removal, f"source_etag {KEY}")
    m2 = on.put(Z)
    on.run(w0)
    return removal, m1, m2


def a_removal_deletes_what_is_back(on: Stage) -> None:
    """V4: identical pictures have identical ETags, so a conditional delete hits the re-upload's variant."""
    removal, _, m2 = removed_and_uploaded_again(on)
    on.run(removal, f"variant {on.first}")
    on.run(on.start(m2))
    on.run(removal)


def a_removal_dies_half_way(on: Stage) -> None:
    """V5: the source is back when the removal is delivered again, but its first attempt has deleted."""
    removal, m1, m2 = removed_and_uploaded_again(on)
    on.run(on.start(m2))
    on.run(removal, f"delete {on.first}")
    on.world.kill(removal)
    on.world.now += VISIBILITY
    on.run(on.start(m1))


def a_removal_has_a_double(on: Stage) -> None:
    """V6: a duplicate of the same removal is acknowledged while the first still deletes, and then dies."""
    m0, m1 = on.put(Z), on.remove()
    on.run(on.start(m0))
    removal = on.start(m1)
    on.run(removal, f"source_etag {KEY}")
    on.world.deliver_again(m1)
    on.run(on.start(m1))
    on.run(on.start(on.put(Z)))
    on.run(removal, f"delete {on.first}")
    on.world.kill(removal)


def a_removal_marks_what_is_back(on: Stage) -> None:
    """V7: the version is done again between the removal's last look and its mark."""
    on.run(on.start(on.put(Z)))
    removal = on.start(on.remove())
    on.run(removal, f"delete {on.second}")
    on.run(removal, f"source_etag {KEY}")
    on.run(on.start(on.put(Z)))
    on.run(removal)


def the_last_variant_is_mine(on: Stage) -> None:
    """V8: a worker's last look finds its version, although an earlier variant of its own was replaced in between."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    w1 = on.start(on.put(A))
    on.read(w1)
    on.run(w0, f"put {on.first}")
    on.judge(w1, on.first)
    on.run(w1, f"put {on.first}")
    on.run(w1, f"put {on.second}")
    on.run(w1, f"source_etag {KEY}")
    m2 = on.put(Z)
    on.run(w1)
    on.run(w0)
    on.run(on.start(m2))


def the_first_variant_is_mine(on: Stage) -> None:
    """V8, the other way round: a duplicate meets the one variant that its twin has healed before it dies."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    w1 = on.start(on.put(A))
    on.read(w1)
    on.run(w0, f"put {on.first}")
    on.run(w0, f"put {on.second}")
    for variant in (on.first, on.second):
        on.judge(w1, variant)
        on.run(w1, f"put {variant}")
    on.run(w1, f"source_etag {KEY}")
    m2 = on.put(Z)
    on.run(w1)
    on.run(w0)
    w2 = on.start(m2)
    on.run(w2, f"claim {KEY}")
    on.world.deliver_again(m2)
    double = on.start(m2)
    on.run(double, f"claim {KEY}")
    on.run(w2, f"variant {on.first}")
    on.run(w2, f"claim {KEY}")
    on.run(w2, f"fetch {KEY}")
    on.run(w2, f"put {on.first}")
    on.run(double)
    on.world.kill(w2)


def a_zombie_writes_after_the_end(on: Stage) -> None:
    """A frozen worker thaws when its message was acknowledged by another, writes, and dies.

    S3 has no fencing; what closes this is that no request is sent which could outlive the lease.
    """
    on.world.weigh = lambda _: Weight(1.0)
    m0 = on.put(Z)
    zombie = on.start(m0)
    on.read(zombie)
    while zombie.waits_at[0] != "rendering":
        on.world.step(zombie)
    zombie.frozen = True
    on.world.now += LEASE + 1
    on.world.deliver_again(m0)
    double = on.start(m0)
    on.run(double, f"claim {KEY}")
    removal = on.start(on.remove())
    on.run(double)
    on.run(removal, f"variant {on.first}")
    zombie.sent_again = True  # it may find its lease lost: it was frozen
    on.run_to_a_write(zombie, "put")
    on.run(removal)


def too_late_to_mend_an_own_write(on: Stage) -> None:
    """As V1, and the worker that covered the newer picture has no time left to render that one again.

    What was written under a claim is an attempt, whatever it ended by: or the next receive would not look.
    """
    w0 = on.start(on.put(Z))
    on.read(w0)
    m1 = on.put(A)
    w1 = on.start(m1)
    on.read(w1)
    on.run(w0, f"put {on.first}")
    on.run(w0, f"put {on.second}")
    on.judge(w1, on.first)
    m2 = on.put(Z)
    on.run(w0)
    on.run(on.start(m2))
    on.world.decide = lambda who, what: Fault.TOO_LATE if (who, what) == (w1, RENDER) else None
    on.run(w1)


def covers_a_newer_picture_and_dies(on: Stage, w0: Invocation, w1: Invocation) -> None:
    """As V1, and the worker that covered the newer picture dies; its record must show that attempt to the next."""
    on.run(w0, f"put {on.first}")
    on.run(w0, f"put {on.second}")
    on.judge(w1, on.first)
    m2 = on.put(Z)
    on.run(w0)
    on.run(on.start(m2))
    on.run(w1, f"put {on.first}")
    on.world.kill(w1)
    on.world.now += VISIBILITY


def a_claim_meets_its_own_token(on: Stage) -> None:
    """The answer to the next attempt's claim is lost, and the request is sent again."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    m1 = on.put(A)
    w1 = on.start(m1)
    on.read(w1)
    covers_a_newer_picture_and_dies(on, w0, w1)
    on.world.decide = lambda _, what: Fault.RESENT if what == "claim" else None
    on.run(on.start(m1))


def a_release_is_sent_twice(on: Stage) -> None:
    """A claim that is given back twice must not take the next attempt out of the count."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    m1 = on.put(A)
    on.world.decide = lambda _, what: {RENDER: Fault.TOO_LATE, "release": Fault.RESENT}.get(what)
    on.run(on.start(m1))
    on.world.decide = lambda *_: None
    on.world.deliver_again(m1)  # or it would come back within four minutes
    w1 = on.start(m1)
    on.read(w1)
    covers_a_newer_picture_and_dies(on, w0, w1)
    on.run(on.start(m1))


def a_removal_thaws_after_the_end(on: Stage) -> None:
    """A frozen removal thaws when its message was acknowledged by another and the picture is back, and deletes."""
    on.run(on.start(on.put(Z)))
    m1 = on.remove()
    zombie = on.start(m1)
    on.run(zombie, f"variant {on.first}")
    zombie.frozen = True
    on.world.now += LEASE + 1
    on.world.deliver_again(m1)
    on.run(on.start(m1))
    on.run(on.start(on.put(Z)))
    zombie.sent_again = True  # it may find its lease lost: it was frozen
    on.run_to_a_write(zombie, "delete")


def a_delete_is_refused_for_a_moment(on: Stage) -> None:
    """S3 refuses a conditional delete (409), and nobody has published: nobody else will delete that variant."""
    on.run(on.start(on.put(Z)))
    on.world.conflicts["delete"] = on.world.now + 0.1
    on.run(on.start(on.remove()))


def a_put_is_refused_for_long(on: Stage) -> None:
    """S3 refuses every conditional write for a while, whatever is there."""
    on.world.conflicts["put"] = on.world.now + 1.7
    on.run(on.start(on.put(Z)))


def a_delete_is_refused_for_long(on: Stage) -> None:
    """The same for deletes."""
    on.run(on.start(on.put(Z)))
    on.world.conflicts["delete"] = on.world.now + 1.7
    on.run(on.start(on.remove()))


def a_claim_is_refused_for_long(on: Stage) -> None:
    """A version is finished by others each time that it is claimed, and never complete."""
    on.run(on.start(on.put(Z)))
    on.world.lose(on.second, KEY)
    w1 = on.start(on.put(Z))
    on.run(w1, f"claim {KEY}")
    on.world.conflicts["claim"] = on.world.now + 2.5
    on.run(w1)


def the_second_variant_first(on: Stage) -> None:
    """As V1, and the requests for the second variant come before those for the first."""
    w0 = on.start(on.put(Z))
    on.read(w0)
    w1 = on.start(on.put(A))
    on.read(w1)
    for thread in reversed(on.threads(w0)):
        on.go_on(thread)
    _, second = on.threads(w1)
    on.go_on(second, f"source_etag {KEY}")
    m2 = on.put(Z)
    on.run(w0)
    on.run(on.start(m2))
    on.go_on(second)
    on.run(w1)


def a_put_fails_beside_another(on: Stage) -> None:
    """A put that nobody waits for is sent when its message is acknowledged, after another attempt, and all is gone."""
    m0 = on.put(Z)
    w0 = on.start(m0)
    on.read(w0)
    first, _ = on.threads(w0)
    on.world.decide = lambda _, what: Fault.THROTTLED if what == "put" else None
    on.go_on(first)
    on.world.decide = lambda *_: None
    if w0.awaited:
        on.run(w0)
    else:
        on.go_on(w0.first)
    on.run(on.start(on.remove()))
    on.world.now += 60  # until the message is back
    on.run(on.start(m0))


HISTORIES: list[tuple[Callable[[Stage], None], Callable[[], Any]]] = [
    (superseded_after_an_own_write, mutants.no_look_after_an_own_write),
    (a_second_variant_is_missing, mutants.only_the_first_variant_is_looked_at),
    (a_removal_before_the_record, mutants.removals_trust_the_record),
    (a_removal_deletes_what_is_back, mutants.no_look_after_a_removal),
    (a_removal_dies_half_way, mutants.a_removal_that_finds_the_source_does_nothing),
    (a_removal_has_a_double, mutants.no_claim_of_removals),
    (a_removal_marks_what_is_back, mutants.removals_mark_the_versions),
    (the_last_variant_is_mine, mutants.only_the_last_variant_is_looked_at),
    (the_first_variant_is_mine, mutants.only_the_first_variant_is_looked_at),
    (a_zombie_writes_after_the_end, mutants.requests_may_outlive_the_lease),
    (too_late_to_mend_an_own_write, mutants.a_late_start_after_a_write_was_no_attempt),
    (a_claim_meets_its_own_token, mutants.a_claim_of_ones_own_is_no_earlier_attempt),
    (a_release_is_sent_twice, mutants.a_release_without_a_condition),
    (a_removal_thaws_after_the_end, mutants.removals_may_outlive_the_lease),
    (a_delete_is_refused_for_a_moment, mutants.a_refused_delete_is_left),
    (a_put_is_refused_for_long, mutants.conflicts_are_fought_to_the_end),
    (a_delete_is_refused_for_long, mutants.conflicts_are_fought_to_the_end),
    (a_claim_is_refused_for_long, mutants.claims_are_fought_to_the_end),
    (the_second_variant_first, mutants.no_look_after_an_own_write),
    (a_put_fails_beside_another, mutants.a_failure_does_not_wait_for_the_other_requests),
]
NAMES = [history.__name__ for history, _ in HISTORIES]


@pytest.mark.parametrize("history", [history for history, _ in HISTORIES], ids=NAMES)
def test_with_every_rule_the_history_ends_well(history: Callable[[Stage], None]) -> None:
    stage = Stage()

    history(stage)

    assert stage.end() == [], "\n".join(stage.world.history)


@pytest.mark.parametrize(("history", "mutant"), HISTORIES, ids=NAMES)
def test_without_its_rule_the_history_ends_badly(history: Callable[[Stage], None], mutant: Callable[[], Any]) -> None:
    stage = Stage()

    with mutant():
        history(stage)

        assert stage.end() != [], "\n".join(stage.world.history)
