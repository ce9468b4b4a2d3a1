"""When an object has come to its end: decided from the images table and the dead-letter queue, by condition.

::

    status in the table          in the dead-letter queue   end
    DONE, SUPERSEDED, REMOVED    whatever                   that
    any other, or no item        yes                        a dead letter
    any other, or no item        no                         none yet: its message is still alive
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from ops.images import MOST_KEYS, Record
from ops.start.uploads import Upload

PAUSE = 0.1  # seconds between two looks that found nothing new


class Outcome(StrEnum):
    """How an object ended; the last is no end."""

    DONE = "done"
    SUPERSEDED = "superseded"
    REMOVED = "removed"
    DEAD_LETTER = "dead letter"
    LEFT = "left"


FINAL = {"DONE": Outcome.DONE, "SUPERSEDED": Outcome.SUPERSEDED, "REMOVED": Outcome.REMOVED}


@dataclass(frozen=True, slots=True)
class End:
    """An upload and how it ended; ``record`` is None when the images table knows nothing of it."""

    upload: Upload
    outcome: Outcome
    record: Record | None


class Table(Protocol):
    """Where the records are."""

    def read(self, versions: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]: ...


class Letters(Protocol):
    """Where the dead letters are."""

    versions: set[tuple[str, str]]

    def look(self) -> None: ...


SomeLetters = TypeVar("SomeLetters", bound=Letters)


@dataclass
class Follower(Generic[SomeLetters]):
    """Follows uploads to their ends.

    Args:
        settled: whether no message is waiting or being worked on.
        check: raises when nothing can come to an end any more.
        give_up_after: seconds without anything new after which the rest is left.
        pause: waits that many seconds; the clock is in seconds.
    """

    table: Table
    letters: SomeLetters
    settled: Callable[[], bool]
    check: Callable[[], None]
    give_up_after: float
    clock: Callable[[], float]
    pause: Callable[[float], None]
    on_upload: Callable[[Upload], None] = lambda _upload: None
    on_end: Callable[[End], None] = lambda _end: None
    _news: float = field(default=0.0, init=False)

    def follow(self, uploading: Collection[Future[Upload]]) -> list[End]:
        """Every upload's end, in the order of ``uploading``; LEFT for those that had none in time."""
        self._news = self.clock()
        running, pending = set(uploading), deque[Upload]()
        ends: dict[Upload, End] = {}
        while (running or pending) and not self._given_up():
            self.check()
            finished, running = wait(running, timeout=0, return_when=FIRST_COMPLETED)
            pending.extend(self._uploaded(future.result()) for future in finished)
            ended = self._look(pending)
            ends |= {end.upload: end for end in ended}
            if finished or ended:
                self._news = self.clock()
            else:
                self.pause(PAUSE)
        uploads = [future.result() for future in uploading]
        return [ends[upload] if upload in ends else self._left(upload) for upload in uploads]

    def settle(self) -> bool:
        """Wait until the queue holds no message; False when it still does after all the time that was given."""
        self._news = self.clock()
        while not (settled := self.settled()) and not self._given_up():
            self.check()
            self.pause(PAUSE)
        return settled

    def _uploaded(self, upload: Upload) -> Upload:
        self.on_upload(upload)
        return upload

    def _look(self, pending: deque[Upload]) -> list[End]:
        """Ask for those that were not asked for the longest, as many as one request takes."""
        asked = [pending.popleft() for _ in range(min(len(pending), MOST_KEYS))]
        if not asked:
            return []
        self.letters.look()  # first, so that the record of a dead letter is its last one
        records = self.table.read([_version(upload) for upload in asked])
        ended = []
        for upload in asked:
            record = records.get(_version(upload))
            if outcome := self._outcome(upload, record):
                ended.append(End(upload, outcome, record))
                self.on_end(ended[-1])
            else:
                pending.append(upload)
        return ended

    def _outcome(self, upload: Upload, record: Record | None) -> Outcome | None:
        if record is not None and record.status in FINAL:
            return FINAL[record.status]
        return Outcome.DEAD_LETTER if _version(upload) in self.letters.versions else None

    def _left(self, upload: Upload) -> End:
        version = _version(upload)
        return End(upload, Outcome.LEFT, self.table.read([version]).get(version))

    def _given_up(self) -> bool:
        return self.clock() - self._news > self.give_up_after


def _version(upload: Upload) -> tuple[str, str]:
    return upload.object, upload.etag
