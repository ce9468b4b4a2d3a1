"""What the images table says of an object, as far as people are shown it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from processing import ledger
from processing.ledger import Phase

MOST_KEYS = 100  # in one BatchGetItem


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a finished image."""

    name: str
    key: str
    format: str
    width: int
    height: int
    bytes: int

    @property
    def pixels(self) -> str:
        """Width and height, for people."""
        return _pixels(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Record:
    """One item of the images table. ``cause`` and ``message`` say why the last attempt failed, if one did."""

    status: str
    cause: str = ""
    message: str = ""
    attempts: int = 0
    image_format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    variants: tuple[Variant, ...] = ()
    timings: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    object: str = ""  # "bucket/key"
    etag: str = ""  # or "removed", for the removals of the object
    recipe: str = ""
    code_version: str = ""
    fingerprint: str = ""  # of where in the code the last attempt failed
    request_id: str = ""
    message_id: str = ""  # of the message for which it was rejected
    size_bytes: int = 0
    content_type: str = ""
    has_transparency: bool = False
    created_date: str = ""
    uploaded_at: str = ""
    sequencer: str = ""
    updated_at: int = 0  # seconds since the epoch, as is lease_until
    lease_until: int = 0
    last_receive: bool = False  # of its message, when it was claimed last
    found: ledger.Record | None = None

    @property
    def pixels(self) -> str:
        """Width and height as shown, for people."""
        return _pixels(self.width, self.height)


class ImagesTable:
    """The images table of one stage; ``dynamodb`` is a boto3 client."""

    def __init__(self, dynamodb: Any, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._table = ledger.ImagesTable(dynamodb, name, pause=pause)

    def read(self, versions: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """The items that exist, by object and ETag."""
        wanted = [ledger.Version(*thing.split("/", 1), etag=etag) for thing, etag in versions]
        return {(one.object, one.etag): _record(found) for one, found in self._table.read(wanted).items()}

    def versions(self, thing: str) -> list[Record]:
        """Every version of one object (``bucket/key``) that was ever seen, the latest change first."""
        return [_record(found) for found in self._table.versions(*thing.split("/", 1))]


def _pixels(width: int, height: int) -> str:
    return f"{width}×{height}"  # noqa: RUF001 - the sign for it


def _record(found: ledger.Record) -> Record:
    image, reason = found.image, found.reason
    of_image: dict[str, Any] = {}
    if image is not None:
        of_image = {each.name: getattr(image, each.name) for each in fields(image) if each.name != "variants"}
        of_image["created_date"] = image.created_date or ""
        of_image["variants"] = tuple(
            Variant(each.name, each.key, each.format, each.width, each.height, each.bytes) for each in image.variants
        )
    return Record(
        status=found.status,
        cause=found.cause,
        message=found.message,
        attempts=found.attempts,
        object=found.version.object,
        etag=found.version.etag,
        code_version=found.code_version,
        fingerprint=reason.fingerprint if reason else "",
        request_id=reason.request_id if reason else "",
        message_id=found.message_id,
        uploaded_at=found.uploaded_at,
        sequencer=found.sequencer,
        updated_at=found.updated_at,
        lease_until=found.lease_until,
        last_receive=found.last_receive,
        found=found,
        **of_image,
    )


def is_given_up(record: Record, *, now: float) -> bool:
    """Whether nobody but an operator sends its message back."""
    return record.found is not None and record.found.phase(now) is Phase.DEAD


def current(records: Sequence[Record], source_etag: Callable[[], str | None]) -> Record | None:
    """As `processing.ledger.current`."""
    chosen = ledger.current([one.found for one in records if one.found], source_etag)
    return next((one for one in records if one.found is chosen), None) if chosen else None
