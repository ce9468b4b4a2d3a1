"""The ledger as an outbox: the end of a version becomes an event on an EventBridge bus. docs/events.md describes it.

::

    images table -> its stream -> announcer (handlers) -> Announcer -> EventBus -> rules of yours
    images table ----------------> darkroom announce ---> entry_of --> EventBus

An event is made of the record alone, so both ways send the same event, under the same id, however often.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, assert_never

from processing.errors import Unavailable
from processing.ledger import Phase, Record, Status, VariantRecord, read
from processing.links import cdn_link
from processing.storage.refusals import translating_errors

SOURCE: Final = "darkroom"
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
VERSION: Final = 1  # of the schema: docs/events.schema.json
MOST_ENTRIES: Final = 10  # in one PutEvents
LARGEST: Final = 240_000  # bytes of a request's entries: EventBridge and its targets take 256 KB, envelope included
TIME_BYTES: Final = 14  # of an entry, as EventBridge counts
OURS: Final = ("variants", "timings")  # of an image: the former stand beside it, the latter are in the log
RENAMED: Final = {"image_format": "format", "size_bytes": "bytes"}
DISPENSABLE: Final = ("variants", "image", "reason")

Entry = Mapping[str, Any]
"""An entry of PutEvents, without its bus."""

log = logging.getLogger("darkroom")


class NotTaken(Unavailable):
    """The bus did not take an event.

    Args:
        taken: how many of the first ones it took; of those behind, it may have taken some.
    """

    def __init__(self, taken: int, code: str, detail: str) -> None:
        super().__init__(code, "events:PutEvents", detail)
        self.taken = taken


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A change of an item, as the table's stream has it.

    Args:
        number: its sequence number.
        item: the item after it, in DynamoDB's JSON.
    """

    number: str
    item: dict[str, Any]


class EventBus:
    """A bus, by its name or ARN; ``client`` is a boto3 EventBridge client."""

    def __init__(self, client: Any, name: str) -> None:
        self._events = client
        self._name = name

    def put(self, entries: Sequence[Entry]) -> None:
        """Put events, in this order.

        Raises:
            NotTaken: the bus refused one, or did not answer.
        """
        taken = 0
        for part in _parts(entries):
            try:
                with translating_errors("events:PutEvents"):
                    answer = self._events.put_events(Entries=[{"EventBusName": self._name, **entry} for entry in part])
            except Unavailable as error:
                raise NotTaken(taken, error.code, error.detail) from error.__cause__
            for result in answer["Entries"]:
                if "ErrorCode" in result:
                    raise NotTaken(taken, result["ErrorCode"], result.get("ErrorMessage", ""))
                taken += 1


@dataclass(frozen=True, slots=True)
class Announcer:
    """Announces the changes of the images table that are the end of a version.

    Args:
        cdn: scheme and host in front of the variants bucket; empty without one.
        clock: seconds since the epoch.
    """

    bus: EventBus
    variants_bucket: str
    cdn: str
    clock: Callable[[], float]

    def announce(self, changes: Sequence[ItemChange]) -> str | None:
        """Put an event for each change, in their order.

        Returns:
            The sequence number of the first change that has to come again; None when the bus has all events.

        Raises:
            Exception: the first item cannot be read, which is a bug. A later one ends the batch before it.
        """
        numbers: list[str] = []
        entries: list[Entry] = []
        unread = None
        for change in changes:
            try:
                entry = self._entry_of(read(change.item))
            except Exception:
                if not entries:
                    raise
                unread = change.number
                break
            if entry is not None:
                numbers.append(change.number)
                entries.append(entry)
        try:
            self.bus.put(entries)
        except NotTaken as error:
            log.warning("an event was not taken", extra={"data": {"cause": error.cause, "why": str(error)}})
            return numbers[error.taken]
        log.info("announced", extra={"data": {"events": len(entries)}})
        return unread

    def _entry_of(self, record: Record) -> Entry | None:
        return entry_of(record, variants_bucket=self.variants_bucket, cdn=self.cdn, now=self.clock())


def entry_of(record: Record, *, variants_bucket: str, cdn: str, now: float) -> Entry | None:
    """The event of a version that has come to an end by ``now``; None of any other."""
    kind = type_of(record, now)
    if kind is None:
        return None
    ended_at = datetime.fromtimestamp(record.ended_at, UTC)
    detail = {
        "version": VERSION,
        "id": _id(record, kind),
        "object": {"bucket": record.version.bucket, "key": record.version.key},
        "etag": record.version.etag,
        "ended_at": f"{ended_at:{TIME}}",
        "attempts": record.attempts,
        **_known(uploaded_at=record.uploaded_at, sequencer=record.sequencer, code_version=record.code_version),
        **_about(record, variants_bucket, cdn),
    }
    return _fitting({"Source": SOURCE, "DetailType": kind, "Time": ended_at}, detail)


def erased_entry(receipt: str, object_sha256: str, now: float) -> Entry:
    """The event of an erasure, which has no name in it: of the receipt with this id."""
    ended_at = datetime.fromtimestamp(now, UTC)
    detail = {"version": VERSION, "id": receipt, "object_sha256": object_sha256, "ended_at": f"{ended_at:{TIME}}"}
    return {"Source": SOURCE, "DetailType": "Image Erased", "Time": ended_at, "Detail": json.dumps(detail)}


def type_of(record: Record, now: float) -> str | None:
    """The detail-type of the event for a record at ``now``, in seconds since the epoch; None where it has no end."""
    phase = record.phase(now)
    match phase:
        case Phase.DONE:
            return "Image Ready"
        case Phase.REJECTED:
            return "Image Rejected"
        case Phase.DEAD:
            return "Image Failed"
        case Phase.SUPERSEDED:
            return "Image Superseded"
        case Phase.REMOVED:
            return "Image Removed"
        case Phase.NOT_STARTED | Phase.WORKING | Phase.INTERRUPTED | Phase.RETRYING:
            return None
        case _:
            assert_never(phase)


def _id(record: Record, kind: str) -> str:
    """The same for the same end: a claim has a token of its own, and ends once."""
    named = (kind, record.version.object, record.version.etag, record.owner)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]


def _about(record: Record, variants_bucket: str, cdn: str) -> dict[str, Any]:
    """What only some ends have; of an end without it, the record may have it from an earlier attempt."""
    match record.status:
        case Status.DONE if record.image:
            image = {RENAMED.get(name, name): value for name, value in asdict(record.image).items() if name not in OURS}
            image["placeholder"] = record.image.placeholder_url
            variants = [_variant(each, record.version.etag, variants_bucket, cdn) for each in record.variants]
            return {"image": _known(**image), "variants": variants}
        case Status.REJECTED | Status.FAILED if record.reason:
            reason = {name: value for name, value in asdict(record.reason).items() if name not in ("last", "where")}
            return {"reason": _known(**reason)}
        case Status.IN_PROGRESS:
            return {"reason": {"cause": "killed", "message": "The last invocation ended without an answer."}}
        case _:
            return {}


def _variant(variant: VariantRecord, etag: str, bucket: str, cdn: str) -> dict[str, Any]:
    """A variant for its users, who have no use for the name of older bytes; with a versioned link, where it has one."""
    fields = {name: value for name, value in asdict(variant).items() if name != "stored_as"}
    link = cdn_link(cdn, variant.key, etag=etag, fingerprint=variant.fingerprint) if cdn else ""
    return {"bucket": bucket, **_known(**fields, link=link)}


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", ())}


def entry_bytes(entry: Entry) -> int:
    """As EventBridge counts: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html"""
    return TIME_BYTES + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _fitting(entry: Entry, detail: dict[str, Any]) -> Entry:
    """The entry with its detail, which is cut where it is too large for the bus: it says what it omits."""
    for name in (*DISPENSABLE, None):
        made = {**entry, "Detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":"))}
        if name is None or entry_bytes(made) <= LARGEST:
            break
        if name in detail:
            rest = {key: value for key, value in detail.items() if key not in (name, "omitted")}
            detail = rest | {"omitted": [*detail.get("omitted", []), name]}
    return made


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in their order, in parts that one request can take."""
    part: list[Entry] = []
    for entry in entries:
        if len(part) == MOST_ENTRIES or sum(map(entry_bytes, part)) + entry_bytes(entry) > LARGEST:
            yield part
            part = []
        part.append(entry)
    if part:
        yield part
