"""When the follower says that an object has come to its end, and when that nothing more will come."""

from concurrent.futures import Future

import pytest

from ops.errors import StackError
from ops.images import MOST_KEYS, Record
from ops.start.ends import Follower, Outcome
from ops.start.uploads import Upload
from tests.start.makers import upload


class World:
    """A table, a dead-letter queue and a clock; ``script`` is what happens at each pause."""

    def __init__(self, *script):
        self.records = {}
        self.versions = set()
        self.letters_looked = 0
        self.asked = []
        self.now = 0.0
        self.messages = 0
        self.script = list(script)
        self.broken = False
        self.looked = lambda: None

    def read(self, versions):
        self.asked.append(list(versions))
        return {version: self.records[version] for version in versions if version in self.records}

    def look(self):
        self.letters_looked += 1
        self.looked()

    def says(self, upload, status, **more):
        self.records[upload.object, upload.etag] = Record(status, **more)

    def buries(self, upload):
        self.versions.add((upload.object, upload.etag))

    def pause(self, seconds):
        self.now += seconds
        if self.script:
            self.script.pop(0)()

    def check(self):
        if self.broken:
            raise StackError("the local stack stopped polling")

    def follower(self, give_up_after=5.0):
        return Follower(
            table=self,
            letters=self,
            settled=lambda: self.messages == 0,
            check=self.check,
            give_up_after=give_up_after,
            clock=lambda: self.now,
            pause=self.pause,
        )

    def outcomes(self, *uploads):
        return [end.outcome for end in self.follower().follow([finished(each) for each in uploads])]


def finished(upload):
    future: Future[Upload] = Future()
    future.set_result(upload)
    return future


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("DONE", Outcome.DONE), ("SUPERSEDED", Outcome.SUPERSEDED), ("REMOVED", Outcome.REMOVED)],
)
def test_these_states_are_ends(status, outcome):
    world = World()
    world.says(upload(), status)

    assert world.outcomes(upload()) == [outcome]


@pytest.mark.parametrize("status", ["IN_PROGRESS", "FAILED", "REJECTED"])
def test_a_failure_is_no_end_while_its_message_lives(status):
    world = World()
    world.says(upload(), status)

    assert world.outcomes(upload()) == [Outcome.LEFT]


@pytest.mark.parametrize("status", ["FAILED", "REJECTED"])
def test_a_failure_ends_as_a_dead_letter(status):
    world = World()
    world.says(upload(), status, cause="CorruptImage")
    world.script.append(lambda: world.buries(upload()))

    (end,) = world.follower().follow([finished(upload())])

    assert end.outcome is Outcome.DEAD_LETTER
    assert end.record.cause == "CorruptImage"


def test_a_message_that_never_reached_the_table_ends_as_a_dead_letter():
    world = World()
    world.buries(upload())

    (end,) = world.follower().follow([finished(upload())])

    assert (end.outcome, end.record) == (Outcome.DEAD_LETTER, None)


def test_a_dead_letter_of_another_version_is_not_this_ones():
    world = World()
    world.buries(upload(etag="older"))

    assert world.outcomes(upload(etag="newer")) == [Outcome.LEFT]


def test_the_record_of_a_dead_letter_is_read_after_the_letter_was_seen():
    world = World()
    world.says(upload(), "FAILED", cause="SlowDown")

    def bury():
        world.buries(upload())
        world.says(upload(), "FAILED", cause="AccessDenied")

    world.looked = bury
    (end,) = world.follower().follow([finished(upload())])

    assert end.record.cause == "AccessDenied"


def test_it_waits_for_what_is_retried():
    world = World()
    world.says(upload(), "FAILED")
    world.script += [lambda: None] * 20 + [lambda: world.says(upload(), "DONE")]

    assert world.outcomes(upload()) == [Outcome.DONE]
    assert world.now == pytest.approx(2.1)


def test_it_gives_up_only_when_nothing_has_ended_for_long():
    world = World()
    uploads = [upload(f"{number}.jpg") for number in range(4)]
    for each in uploads[:3]:
        world.script += [lambda: None] * 30 + [lambda each=each: world.says(each, "DONE")]

    assert world.outcomes(*uploads) == [Outcome.DONE] * 3 + [Outcome.LEFT]
    assert world.now == pytest.approx(3 * 3.1 + 5, abs=0.3)


def test_what_is_left_shows_its_last_record():
    world = World()
    world.says(upload(), "FAILED", cause="SlowDown")

    (end,) = world.follower().follow([finished(upload())])

    assert end.record.cause == "SlowDown"


def test_ends_come_in_the_order_of_the_uploads_and_each_is_told_once():
    world, told = World(), []
    uploads = [upload(f"{number}.jpg") for number in range(3)]
    world.says(uploads[2], "DONE")
    world.script += [lambda: world.says(uploads[0], "DONE"), lambda: world.says(uploads[1], "DONE")]
    follower = world.follower()
    follower.on_end = lambda end: told.append(end.upload)

    ends = follower.follow([finished(each) for each in uploads])

    assert [end.upload for end in ends] == uploads
    assert told == [uploads[2], uploads[0], uploads[1]]


def test_objects_are_followed_while_others_are_still_being_uploaded():
    world, told = World(), []
    slow: Future[Upload] = Future()
    world.says(upload("a.jpg"), "DONE")
    world.says(upload("b.jpg"), "DONE")

    def finish():
        told.append("paused")
        slow.set_result(upload("b.jpg"))

    world.script.append(finish)
    follower = world.follower()
    follower.on_end = lambda end: told.append(end.upload.photo.name)

    follower.follow([finished(upload("a.jpg")), slow])

    assert told == ["a.jpg", "paused", "b.jpg"]


def test_a_request_asks_for_no_more_than_it_may_and_every_upload_gets_its_turn():
    world = World()
    uploads = [upload(f"{number}.jpg") for number in range(250)]
    for each in uploads:
        world.says(each, "DONE")

    assert world.outcomes(*uploads) == [Outcome.DONE] * 250
    assert [len(asked) for asked in world.asked] == [MOST_KEYS, MOST_KEYS, 50]


def test_an_upload_that_fails_is_raised():
    failed: Future[Upload] = Future()
    failed.set_exception(OSError("gone"))

    with pytest.raises(OSError, match="gone"):
        World().follower().follow([failed])


def test_a_broken_stack_ends_the_wait():
    world = World()
    world.script.append(lambda: setattr(world, "broken", True))

    with pytest.raises(StackError, match="stopped polling"):
        world.follower().follow([finished(upload())])


def test_a_queue_that_empties_is_waited_for():
    world = World()
    world.messages = 2
    world.script += [lambda: None, lambda: setattr(world, "messages", 0)]

    assert world.follower().settle() is True
    assert world.now == pytest.approx(0.2)


def test_a_queue_that_does_not_empty_is_given_up():
    world = World()
    world.messages = 1

    assert world.follower().settle() is False
    assert world.now == pytest.approx(5, abs=0.3)


def test_a_broken_stack_ends_the_wait_for_the_queue():
    world = World()
    world.messages, world.broken = 1, True

    with pytest.raises(StackError, match="stopped polling"):
        world.follower().settle()
