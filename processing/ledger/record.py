"""What the images table knows of a version, and all that its status means.

::

    status        phase                                      an end   good   message
    IN_PROGRESS   WORKING      the lease is live                             is being worked on
                  NOT_STARTED  the claim was given back                      comes back
                  INTERRUPTED  the lease has ended                           comes back
                  DEAD         ... of the last receive       yes             in the dead-letter queue
    FAILED        RETRYING     tried again by itself                         comes back
                  DEAD         ... was the last receive      yes             in the dead-letter queue
    REJECTED      REJECTED     trying again cannot help      yes             in the dead-letter queue
    DONE          DONE         every variant is there        yes      yes    acknowledged
    SUPERSEDED    SUPERSEDED   another version came          yes      yes    acknowledged
    REMOVED       REMOVED      the object is gone            yes      yes    acknowledged

Whoever asks how far an image is asks for the phase, and matches it to the end: a new status must be given a phase here,
and a new phase an answer wherever one is matched, or the type checker names the place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

REMOVED_KEY: Final = "removed"  # the sort key under which removals of an object are claimed; no ETag reads like this


class Status(StrEnum):
    """What the last write to the item said of the version."""

    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"
    REMOVED = "REMOVED"


class Phase(StrEnum):
    """How far a version is: its status, lease and reason together, as in the table above."""

    NOT_STARTED = "not started"
    WORKING = "working"
    INTERRUPTED = "interrupted"
    RETRYING = "retrying"
    DEAD = "dead"
    REJECTED = "rejected"
    DONE = "done"
    SUPERSEDED = "superseded"
    REMOVED = "removed"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens by itself."""
        return MEANINGS[self].is_end

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with the image; its message was acknowledged."""
        return MEANINGS[self].is_good


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phase means for whoever waits for the image."""

    is_end: bool
    is_good: bool


MEANINGS: Final[Mapping[Phase, Meaning]] = {
    Phase.NOT_STARTED: Meaning(is_end=False, is_good=False),
    Phase.WORKING: Meaning(is_end=False, is_good=False),
    Phase.INTERRUPTED: Meaning(is_end=False, is_good=False),
    Phase.RETRYING: Meaning(is_end=False, is_good=False),
    Phase.DEAD: Meaning(is_end=True, is_good=False),
    Phase.REJECTED: Meaning(is_end=True, is_good=False),
    Phase.DONE: Meaning(is_end=True, is_good=True),
    Phase.SUPERSEDED: Meaning(is_end=True, is_good=True),
    Phase.REMOVED: Meaning(is_end=True, is_good=True),
}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, or (with ``REMOVED_KEY`` as its ETag) the removals of one."""

    bucket: str
    key: str
    etag: str

    @property
    def object(self) -> str:
        """The partition key."""
        return f"{self.bucket}/{self.key}"

    @property
    def item_key(self) -> dict[str, dict[str, str]]:
        """The primary key of its item, as a request names it."""
        return {"object": {"S": self.object}, "etag": {"S": self.etag}}

    @property
    def is_removals(self) -> bool:
        """Whether this is no version, but the removals of the object."""
        return self.etag == REMOVED_KEY


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an attempt failed.

    Args:
        cause: groups failures: the name of an error's class, or AWS's own code.
        fingerprint: where in the code a bug is; empty for any other failure.
        last: whether the message had no receive left, so that it is in the dead-letter queue now.
        request_id: of the invocation, whose log has more.
    """

    cause: str
    message: str
    fingerprint: str = ""
    attempt: int = 0
    last: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """One variant of a finished image.

    Args:
        bytes: its size.
        fingerprint: of the settings that it was made by.
        stored_as: the fingerprint that the object in S3 carries, where that is an older one: the bytes came out equal.
    """

    name: str
    key: str
    format: str
    width: int
    height: int
    bytes: int
    fingerprint: str = ""
    stored_as: str = ""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of a finished image. ``timings`` are milliseconds by stage."""

    image_format: str
    mode: str
    width: int
    height: int
    size_bytes: int
    content_type: str
    has_transparency: bool
    created_date: str | None
    variants: tuple[VariantRecord, ...]
    lost: tuple[str, ...] = ()
    timings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """An item of the images table.

    Args:
        owner: the token of the last claim.
        lease_until, updated_at: seconds since the epoch, 0 where there is none.
        last_receive: whether the delivery for which it was claimed last was the last one of its message. The number of
            attempts does not tell: receives are used up without one, and a redrive begins to count anew.
        message_id: of the message that was rejected.
        reason: why the last attempt failed; None after one that did not.
        image: what was finished last; None where nothing was yet.
    """

    version: Version
    status: Status
    owner: str = ""
    lease_until: int = 0
    attempts: int = 0
    updated_at: int = 0
    last_receive: bool = False
    code_version: str = ""
    uploaded_at: str = ""
    sequencer: str = ""
    message_id: str = ""
    reason: Reason | None = None
    image: ImageRecord | None = None
    tags: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """Why the last attempt failed, by the name that groups failures; empty after one that did not."""
        return self.reason.cause if self.reason else ""

    @property
    def message(self) -> str:
        """The same in words."""
        return self.reason.message if self.reason else ""

    @property
    def variants(self) -> tuple[VariantRecord, ...]:
        """The variants of what was finished last."""
        return self.image.variants if self.image else ()

    def phase(self, now: float) -> Phase:
        """How far the version is, at ``now`` in seconds since the epoch."""
        match self.status:
            case Status.IN_PROGRESS if self.lease_until > now:
                return Phase.WORKING
            case Status.IN_PROGRESS | Status.FAILED if self.last_receive:
                return Phase.DEAD
            case Status.IN_PROGRESS:
                return Phase.INTERRUPTED if self.lease_until else Phase.NOT_STARTED
            case Status.FAILED:
                return Phase.RETRYING
            case Status.REJECTED:
                return Phase.REJECTED
            case Status.DONE:
                return Phase.DONE
            case Status.SUPERSEDED:
                return Phase.SUPERSEDED
            case Status.REMOVED:
                return Phase.REMOVED
            case _:
                assert_never(self.status)


def current(records: Sequence[Record], source_etag: Callable[[], str | None]) -> Record | None:
    """The record that counts, of all that there are of one object; None while what is there now has none yet.

    When versions ended does not tell: what is uploaded again and done already is not written again, and an older
    version's failure may come after a newer one's success. So the source decides, where there is a choice.

    Args:
        source_etag: the version that is in the uploads bucket now, None for none; asked only where there is a choice.
    """
    counting = [one for one in records if one.status is not Status.SUPERSEDED and not _is_unfinished_removal(one)]
    if len(counting) < 2:
        return counting[0] if counting else None
    if (now := source_etag()) is not None:
        return next((one for one in counting if one.version.etag == now and one.status is not Status.REMOVED), None)
    removed = [one for one in counting if one.status is Status.REMOVED]
    return max(removed or counting, key=lambda one: (one.status is Status.IN_PROGRESS, one.updated_at))


def _is_unfinished_removal(record: Record) -> bool:
    return record.version.is_removals and record.status is not Status.REMOVED
