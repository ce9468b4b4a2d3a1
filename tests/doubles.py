"""In-memory S3 and queue, with the interface of the real ones and held to the same contract tests."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from processing.errors import ImageTooLarge, PreconditionFailed, SourceGone, SourceReplaced
from processing.storage.objects import BYTES_SETTING, NewVariant, Published, SourceObject
from processing.storage.versions import UNVERSIONED, StoredVersion


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

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> SourceObject:
        now = self.source_etag(key)
        if now is None:
            raise SourceGone(key)
        if now != etag:
            raise SourceReplaced(key)
        body, content_type = self.uploads[key]
        if len(body) > max_bytes:
            raise ImageTooLarge.above(f"{len(body):,} bytes", f"{max_bytes:,} bytes", BYTES_SETTING)
        return SourceObject(body, content_type)

    def source_etag(self, key: str) -> str | None:
        found = self.uploads.get(key)
        return None if found is None else etag_of(found[0])

    def variant(self, key: str) -> Published | None:
        found = self.variants.get(key)
        return None if found is None else Published.of(etag_of(found.body), found.metadata)

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
class MemoryVersions:
    """All that a `MemoryStore` keeps, in buckets "uploads" and "variants" without versioning."""

    store: MemoryStore

    def under(self, bucket: str, key: str) -> list[StoredVersion]:
        return self.versions(bucket, key)

    def versions(self, bucket: str, key: str) -> list[StoredVersion]:
        found = self._in(bucket).get(key)
        return [] if found is None else [StoredVersion(bucket, key, UNVERSIONED, etag=etag_of(found))]

    def below(self, bucket: str, prefix: str) -> list[str]:
        return sorted(key for key in self._in(bucket) if key.startswith(prefix))

    def folders(self, bucket: str) -> list[str]:
        return sorted({key.partition("/")[0] for key in self._in(bucket) if "/" in key})

    def source_etag(self, stored: StoredVersion) -> str:
        return self.store.variants[stored.key].source_etag

    def has_locks(self, _bucket: str) -> bool:
        return False

    def lock(self, _stored: StoredVersion) -> str:
        return ""

    def delete(self, stored: StoredVersion) -> None:
        (self.store.remove if stored.bucket == "uploads" else self.store.remove_variant)(stored.key)

    def _in(self, bucket: str) -> dict[str, bytes]:
        if bucket == "uploads":
            return {key: body for key, (body, _) in self.store.uploads.items()}
        return {key: variant.body for key, variant in self.store.variants.items()}


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
        taken: list[Sent] = []
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
