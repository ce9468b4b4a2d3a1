"""How items of the images table change: receives, claims, and the interface of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from processing.ledger.record import ImageRecord, Reason, Record, Status, Version


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

    Args:
        earlier: whether an attempt was made before this one, which may have written variants.
        image: what the record says was finished of this version before.
    """

    version: Version
    owner: str
    lease_until: float
    attempt: int
    earlier: bool
    image: ImageRecord | None = None


class Ledger(Protocol):
    """The images table of one stage. Every method but `claim` raises LeaseLost when the claim is another's now."""

    def claim(
        self,
        version: Version,
        delivery: Delivery,
        *,
        over: Record | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Claim | Record: ...
    def complete(self, claim: Claim, image: ImageRecord) -> None: ...
    def close(self, claim: Claim, status: Status) -> None: ...
    def reject(self, claim: Claim, reason: Reason, delivery: Delivery) -> None: ...
    def fail(self, claim: Claim, reason: Reason, delivery: Delivery) -> None: ...
    def release(self, claim: Claim) -> None: ...
