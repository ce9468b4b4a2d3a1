"""In-memory S3, images table and queue, with the interface of the real ones and held to the same contract tests."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from processing.errors import (
    Busy,
    ImageTooLarge,
    LeaseLost,
    PreconditionFailed,
    RejectedEarlier,
    SourceGone,
    SourceReplaced,
)
from processing.ledger import Claim, Delivery, Finished, ImageRecord, Reason, Status, Version
from processing.store import NewVariant, Original, Published


def etag_of(body: bytes) -> str:
    """As S3 makes it for a plain upload without KMS."""
    return hashlib.md5(body).hexdigest()


@dataclass
class MemoryStore:
    """The uploads and the variants bucket."""

    uploads: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    variants: dict[str, NewVariant] = field(default_factory=dict)

    def upload(self, key: str, body: bytes, content_type: str = "image/jpeg") -> str:
        self.uploads[key] = (body, content_type)
        return etag_of(body)

    def remove(self, key: str) -> None:
        self.uploads.pop(key, None)

    def remove_variant(self, key: str) -> None:
        self.variants.pop(key, None)

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> Original:
        now = self.source_etag(key)
        if now is None:
            raise SourceGone(key)
        if now != etag:
            raise SourceReplaced(key)
        body, content_type = self.uploads[key]
        if len(body) > max_bytes:
            raise ImageTooLarge(f"{len(body):,} bytes; the limit is {max_bytes:,}")
        return Original(body, content_type)

    def source_etag(self, key: str) -> str | None:
        found = self.uploads.get(key)
        return None if found is None else etag_of(found[0])

    def variant(self, key: str) -> Published | None:
        found = self.variants.get(key)
        return None if found is None else Published(etag_of(found.body), found.source_etag, found.recipe)

    def put(self, variant: NewVariant, *, over: str | None) -> None:
        seen = self.variant(variant.key)
        if (None if seen is None else seen.etag) != over:
            raise PreconditionFailed(variant.key)
        self.variants[variant.key] = variant

    def delete(self, key: str, *, etag: str) -> None:
        seen = self.variant(key)
        if seen is not None and seen.etag != etag:
            raise PreconditionFailed(key)
        self.variants.pop(key, None)


@dataclass
class MemoryLedger:
    """The images table: a dict of items by (object, etag)."""

    recipe: str
    code_version: str
    lease_seconds: float
    clock: Callable[[], float]
    new_token: Callable[[], str]
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def item(self, version: Version) -> dict[str, Any] | None:
        return self.items.get((version.object, version.etag))

    def claim(
        self,
        version: Version,
        delivery: Delivery,
        *,
        over: Finished | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Claim | Finished:
        old = self.item(version) or {}
        same_recipe = old.get("recipe") == self.recipe
        if over is None or old.get("owner") != over.owner:
            if old.get("status") == Status.IN_PROGRESS and old.get("lease_until", 0) > math.floor(self.clock()):
                raise Busy(old["lease_until"])
            if old.get("status") == Status.DONE and same_recipe:
                return Finished(old["owner"])
            if (
                old.get("status") == Status.REJECTED
                and same_recipe
                and old.get("code_version") == self.code_version
                and delivery.receive_count > 1
                and old.get("message_id") == delivery.message_id
            ):
                raise RejectedEarlier(old["reason"]["class"], old["reason"]["message"])
        attempts = old.get("attempts", 0)
        owner, until = self.new_token(), math.ceil(self.clock() + self.lease_seconds)
        self.items[version.object, version.etag] = old | {
            "status": Status.IN_PROGRESS,
            "owner": owner,
            "lease_until": until,
            "recipe": self.recipe,
            "code_version": self.code_version,
            "bucket": version.bucket,
            "attempts": attempts + 1,
            "last_receive": delivery.last_receive,
            **(about or {}),
        }
        return Claim(version, owner, until, attempts + 1, earlier=attempts > 0)

    def complete(self, claim: Claim, record: ImageRecord) -> None:
        known = {name: value for name, value in asdict(record).items() if value is not None}
        self._finish(claim, Status.DONE, known, forget=("reason", "message_id"))

    def settle(self, claim: Claim, status: Status) -> None:
        self._finish(claim, status, {})

    def reject(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        values = {"reason": _reason(reason, claim, delivery), "message_id": delivery.message_id}
        self._finish(claim, Status.REJECTED, values)

    def fail(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        self._finish(claim, Status.FAILED, {"reason": _reason(reason, claim, delivery)})

    def release(self, claim: Claim) -> None:
        item = self._owned(claim)
        if item.pop("lease_until", None) is not None:
            item["attempts"] -= 1

    def _finish(self, claim: Claim, status: Status, values: Mapping[str, Any], forget: tuple[str, ...] = ()) -> None:
        item = self._owned(claim)
        if item["status"] != Status.IN_PROGRESS:
            return
        for name in ("lease_until", *forget):
            item.pop(name, None)
        item |= {"status": status, "updated_at": math.floor(self.clock()), **values}

    def _owned(self, claim: Claim) -> dict[str, Any]:
        item = self.item(claim.version)
        if item is None or item["owner"] != claim.owner:
            raise LeaseLost(claim.version.object)
        return item


@dataclass
class Sent:
    """A message in a `MemoryQueue`."""

    id: str
    body: str
    visible_at: float
    receives: int = 0
    handle: str = ""


@dataclass
class MemoryQueue:
    """The uploads queue with its dead-letter queue, by a clock that is given."""

    clock: Callable[[], float]
    visibility_timeout: float = 365
    max_receive_count: int = 5
    messages: dict[str, Sent] = field(default_factory=dict)
    dead: list[Sent] = field(default_factory=list)
    _sent: int = 0

    def send(self, body: str, *, delay: float = 0) -> str:
        self._sent += 1
        message_id = f"m{self._sent}"
        self.messages[message_id] = Sent(message_id, body, self.clock() + delay)
        return message_id

    def receive(self, limit: int = 10, *, only: str | None = None) -> list[Sent]:
        """Messages that are visible, each moved to the dead-letter queue instead once it was received too often.

        ``only`` names one message, as if no other were visible: SQS keeps no order.
        """
        taken = []
        for message in sorted(self.messages.values(), key=lambda message: message.visible_at):
            if message.visible_at > self.clock() or len(taken) == limit or only not in (None, message.id):
                continue
            if message.receives >= self.max_receive_count:
                self.dead.append(self.messages.pop(message.id))
                continue
            message.receives += 1
            message.visible_at = self.clock() + self.visibility_timeout
            message.handle = f"{message.id}#{message.receives}"
            taken.append(replace(message))
        return taken

    def delete(self, handle: str) -> None:
        self.messages.pop(handle.split("#")[0], None)

    def postpone(self, delays: Mapping[str, int]) -> None:
        for handle, delay in delays.items():
            message = self.messages.get(handle.split("#")[0])
            if message is not None and message.handle == handle:
                message.visible_at = self.clock() + delay


def _reason(reason: Reason, claim: Claim, delivery: Delivery) -> dict[str, Any]:
    return {
        "class": reason.cause,
        "message": reason.message,
        "fingerprint": reason.fingerprint,
        "attempt": claim.attempt,
        "request_id": delivery.request_id,
        "last": delivery.last_receive,
    }
