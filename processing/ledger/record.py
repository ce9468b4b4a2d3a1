"""The record of a version in the images table, and the meaning of its status.

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

Code that depends on the state of an image matches all phases: so the type checker reports every place where a new
status has no phase, or a new phase is not handled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from processing.ledger.image import ImageRecord, VariantRecord
from processing.naming import ObjectPlan

REMOVED_KEY: Final = "removed"  # the sort key for the removals of an object; no ETag has this form


class Status(StrEnum):
    """The state of a version, as of the last write to its item."""

    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"
    REMOVED = "REMOVED"


class Phase(StrEnum):
    """The state of a version by status, lease and last receive together, as in the table above."""

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
    def is_good(self) -> bool:
        """Whether the message was acknowledged; it is also an end."""
        match self:
            case Phase.DONE | Phase.SUPERSEDED | Phase.REMOVED:
                return True
            case Phase.NOT_STARTED | Phase.WORKING | Phase.INTERRUPTED | Phase.RETRYING | Phase.DEAD | Phase.REJECTED:
                return False
            case _:
                assert_never(self)

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens without an operator."""
        match self:
            case Phase.DEAD | Phase.REJECTED | Phase.DONE | Phase.SUPERSEDED | Phase.REMOVED:
                return True
            case Phase.NOT_STARTED | Phase.WORKING | Phase.INTERRUPTED | Phase.RETRYING:
                return False
            case _:
                assert_never(self)


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
        fingerprint: of a bug: the same wherever it is met; empty for any other failure.
        where: the last frames of a bug in this code, innermost first.
        last: whether the message had no receive left, so that it is in the dead-letter queue now.
        request_id: of the invocation, whose log has more.
    """

    cause: str
    message: str
    fingerprint: str = ""
    where: str = ""
    attempt: int = 0
    last: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """An item of the images table.

    Args:
        owner: the token of the last claim.
        lease_until, updated_at: seconds since the epoch, 0 where there is none.
        deaths: messages that have become dead letters since it was last done, but for those whose worker was killed.
        last_receive: whether the version was last claimed for the last receive of its message. The number of attempts
            does not show this: a receive may end without one, and a redrive starts the count again.
        message_id: of the message that was rejected.
        reason: why the last attempt failed; None after a success.
        image: the last result; None before the first.
    """

    version: Version
    status: Status
    owner: str = ""
    lease_until: int = 0
    attempts: int = 0
    updated_at: int = 0
    deaths: int = 0
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
        """The name by which the last failure is grouped; empty after a success."""
        return self.reason.cause if self.reason else ""

    @property
    def message(self) -> str:
        """The error message of the last failure; empty after a success."""
        return self.reason.message if self.reason else ""

    @property
    def ended_at(self) -> int:
        """When it came to its end, in seconds since the epoch; where its worker was killed, the end of the lease."""
        return self.lease_until or self.updated_at

    @property
    def variants(self) -> tuple[VariantRecord, ...]:
        """The variants of the last result."""
        return self.image.variants if self.image else ()

    def to_make(self, plan: ObjectPlan) -> list[str]:
        """The names of the variants that are not recorded under their key and with the plan's settings."""
        made = {each.name: each for each in self.variants if plan.keys.get(each.name) == each.key}
        return [
            spec.name
            for spec in plan.recipe.variants
            if spec.name not in made or not spec.is_current(made[spec.name].fingerprint)
        ]

    def phase(self, now: float) -> Phase:
        """The phase at ``now``, in seconds since the epoch."""
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
    """The record of an object's current version, of all its records; None while that version has no record yet.

    Timestamps do not decide: a version that is uploaded again when it is done is not written again, and an older
    version may fail after a newer one succeeded. So the source decides between several records.

    Args:
        source_etag: returns the version that is in the uploads bucket, None for none; called only if it matters.
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
