"""What the images table knows: versions, claims, reasons, records, and the interface through which they change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

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
    """One receive of one message, as far as the ledger has to know it."""

    message_id: str
    receive_count: int
    request_id: str = ""


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
