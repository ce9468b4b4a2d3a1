"""What the images table knows: versions, claims, reasons, records, and the interface through which they change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

REMOVED_KEY = "removed"  # the sort key under which removals of an object are claimed; no ETag reads like this


class Status(StrEnum):
    """Where a version of an object stands."""

    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"
    REMOVED = "REMOVED"


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receive of one message, as far as the ledger has to know it.

    ``last_receive`` tells that the queue will not deliver it again: unless this receive ends well, it is a dead letter.
    """

    message_id: str
    receive_count: int
    request_id: str = ""
    last_receive: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a version until ``lease_until`` (seconds since the epoch).

    ``earlier`` tells that an attempt was made before this one, which may have written variants.
    """

    version: Version
    owner: str
    lease_until: float
    attempt: int
    earlier: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The version is DONE with today's recipe, as ``owner`` recorded."""

    owner: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an attempt failed. ``cause`` groups failures; ``fingerprint`` tells where in the code it happened."""

    cause: str
    message: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """One variant, as the record names it."""

    name: str
    key: str
    format: str
    width: int
    height: int
    bytes: int


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


class Ledger(Protocol):
    """The images table of one stage. Every method but `claim` raises LeaseLost when the claim is another's now."""

    def claim(
        self,
        version: Version,
        delivery: Delivery,
        *,
        over: Finished | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Claim | Finished: ...
    def complete(self, claim: Claim, record: ImageRecord) -> None: ...
    def settle(self, claim: Claim, status: Status) -> None: ...
    def reject(self, claim: Claim, reason: Reason, delivery: Delivery) -> None: ...
    def fail(self, claim: Claim, reason: Reason, delivery: Delivery) -> None: ...
    def release(self, claim: Claim) -> None: ...


class Recorded(Protocol):
    """An item of the images table, as far as its readers have to decide on it; times in seconds since the epoch.

    ``last_receive`` is that of the delivery for which it was claimed last.
    """

    @property
    def etag(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def lease_until(self) -> int: ...
    @property
    def updated_at(self) -> int: ...
    @property
    def last_receive(self) -> bool: ...


Record = TypeVar("Record", bound=Recorded)


def is_given_up(record: Recorded, *, now: float) -> bool:
    """Whether the last receive of its message is over and came to no end: nobody but an operator sends it back.

    The number of attempts does not tell: receives are used up without one, and a redrive begins to count anew.
    """
    is_open = record.status in (Status.FAILED, Status.IN_PROGRESS) and record.lease_until <= now
    return is_open and record.last_receive


def current(records: Sequence[Record], source_etag: Callable[[], str | None]) -> Record | None:
    """The record that counts, of all that there are of one object; None while what is there now has none yet.

    When versions ended does not tell: what is uploaded again and done already is not written again, and an older
    version's failure may come after a newer one's success. So the source decides, where there is a choice.

    Args:
        source_etag: the version that is in the uploads bucket now, None for none; asked only where there is a choice.
    """
    counting = [one for one in records if one.status != Status.SUPERSEDED and not _is_unfinished_removal(one)]
    if len(counting) < 2:
        return counting[0] if counting else None
    if (now := source_etag()) is not None:
        return next((one for one in counting if one.etag == now and one.status != Status.REMOVED), None)
    removed = [one for one in counting if one.status == Status.REMOVED]
    return max(removed or counting, key=lambda one: (one.status == Status.IN_PROGRESS, one.updated_at))


def _is_unfinished_removal(record: Recorded) -> bool:
    return record.etag == REMOVED_KEY and record.status != Status.REMOVED
