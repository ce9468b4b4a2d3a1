"""The dead messages, and why they failed: each is joined with the record of its object in the images table."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any, Final, Self, assert_never

from ops.cli.queues import THREADS, OutgoingMessage, chunks
from ops.cli.recipes import VariantPlan, recipe_of
from ops.cli.stage import Stage
from processing.errors import MalformedMessage
from processing.events import Event, ObjectCreated, parse
from processing.ledger import REMOVED_KEY, ImagesTable, Phase, Record, Status, Version
from processing.ledger.table import MOST_KEYS

OPERATION: Final = re.compile(r"(?:s3|dynamodb|sqs):[A-Za-z]+(?= |:)")  # as `translating_errors` names it
SHORT: Final = 8  # characters of a message id that people type
REDRIVE: Final = "darkroom-redrive"  # the attribute with the redrive that sent a message, and the group of such
MAX_ATTRIBUTES: Final = 10  # of one message


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """One message as it was received from the dead-letter queue."""

    message_id: str
    handle: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Out of SQS's answer."""
        attributes, ours = message.get("Attributes", {}), message.get("MessageAttributes", {})
        return cls(message["MessageId"], message["ReceiptHandle"], message["Body"], attributes, ours)

    @property
    def id(self) -> str:
        """The beginning of its id, which people type."""
        return self.message_id[:SHORT]

    @property
    def sent_at(self) -> float:
        """When it was first sent, in seconds since the epoch: SQS keeps that time when a message dies."""
        return int(self.attributes.get("SentTimestamp", 0)) / 1000

    @property
    def redrive(self) -> str:
        """The redrive that sent it, if one of ours did."""
        return str(self.message_attributes.get(REDRIVE, {}).get("StringValue", ""))

    def outgoing(self, mark: str) -> OutgoingMessage:
        """As it is sent again: the same, and with a ``mark`` where there is room for an attribute."""
        attributes = {
            name: {kind: value[kind] for kind in ("DataType", "StringValue", "BinaryValue") if kind in value}
            for name, value in self.message_attributes.items()
        }
        if mark and (REDRIVE in attributes or len(attributes) < MAX_ATTRIBUTES):
            attributes[REDRIVE] = {"DataType": "String", "StringValue": mark}
        return OutgoingMessage(self.body, self.attributes.get("MessageGroupId", REDRIVE), attributes)


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """Why messages died. ``name`` is an error's class or AWS's code, or one of the words in `ops.cli.dlq.runbook`.

    ``place`` tells failures of one name apart: the fingerprint of where in the code, or the operation that AWS refused.
    """

    name: str
    place: str = ""

    @property
    def id(self) -> str:
        """What people type; the name alone means every place."""
        return f"{self.name}:{self.place}" if self.place else self.name


UNKNOWN: Final = Cause("unknown")
IGNORED: Final = Cause("ignored")  # the consumer acknowledges such a message and records nothing
FOREIGN: Final = Cause(MalformedMessage.__name__)  # the consumer refuses such a message before it reads the ledger


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A dead message and what is known of it. ``record`` is None where the ledger knows nothing.

    ``again``: whether an earlier message of the same version has died before: of ours, a message says which redrive
    sent it; of SQS's own redrive, the record counts more deaths than there are dead letters. The same bytes uploaded
    again after a purge count as well.
    """

    message: DeadMessage
    cause: Cause
    why: str = ""
    event: Event | None = None
    record: Record | None = None
    again: bool = False

    @property
    def bucket(self) -> str:
        """The bucket of the object, empty where the message cannot be read."""
        return self.event.bucket if self.event else ""

    @property
    def key(self) -> str:
        """The key of the object, empty where the message cannot be read."""
        return self.event.key if self.event else ""

    @property
    def version(self) -> Version | None:
        """The version whose record tells the outcome; None where the message refers to no object of this stage."""
        return version_of(self.event) if self.event and self.cause != FOREIGN else None

    @property
    def is_tracked(self) -> bool:
        """Whether the ledger will tell the outcome of a redrive."""
        return self.version is not None and self.cause != IGNORED

    @property
    def is_over(self) -> bool:
        """Whether the object has ended well meanwhile, so that a redrive changes nothing."""
        return self.record is not None and self.record.phase(time.time()).is_good

    @property
    def attempts(self) -> int:
        """How many attempts were made on the object."""
        return self.record.attempts if self.record else 0

    @property
    def uploaded_at(self) -> float:
        """The time of S3's event, in seconds since the epoch; a redrive gives the message a later time."""
        return min(_moment(self.event.time if self.event else None), self.message.sent_at)

    @property
    def died_at(self) -> float:
        """When the last attempt ended, in seconds since the epoch; where none is known, when the message was sent."""
        return self.record.updated_at if self.record and self.record.updated_at else self.message.sent_at


def join(stage: Stage, messages: Sequence[DeadMessage], *, clock: Callable[[], float] = time.time) -> list[Diagnosis]:
    """Each message with its record and its cause, in the order of ``messages``."""
    opened = [_open(message, stage) for message in messages]
    versions = list(dict.fromkeys(version_of(event) for one in opened if isinstance(one, tuple) for event in one))
    table = ImagesTable(stage.client("dynamodb"), stage.images_table)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="records") as pool:
        answers = pool.map(table.read, chunks(versions, MOST_KEYS))
        records = {version: record for answer in answers for version, record in answer.items()}
    now, letters = clock(), Counter(version_of(event) for one in opened if isinstance(one, tuple) for event in one)
    diagnoses = [
        _diagnose_all(message, found, records, now) if isinstance(found, tuple) else found
        for message, found in zip(messages, opened, strict=True)
    ]
    if any(each.cause == UNKNOWN for each in diagnoses):
        plan = VariantPlan(recipe_of(stage), stage.uploads_prefix)
        diagnoses = [_known_as_ignored(each, plan) for each in diagnoses]
    return [replace(each, again=_has_died_before(each, letters)) for each in diagnoses]


def count_by_cause(diagnoses: Iterable[Diagnosis]) -> dict[str, int]:
    """How many messages died of each cause, the most frequent first."""
    return dict(Counter(each.cause.id for each in diagnoses).most_common())


def version_of(event: Event) -> Version:
    """The key of the record that the ledger keeps of the object of an event."""
    return Version(event.bucket, event.key, event.etag if isinstance(event, ObjectCreated) else REMOVED_KEY)


def _known_as_ignored(diagnosis: Diagnosis, plan: VariantPlan) -> Diagnosis:
    event = diagnosis.event
    if diagnosis.cause != UNKNOWN or not isinstance(event, ObjectCreated) or not plan.ignores(event.key, event.size):
        return diagnosis
    return replace(diagnosis, cause=IGNORED, why="ignored by the stage's recipe")


def _has_died_before(diagnosis: Diagnosis, letters: Mapping[Version, int]) -> bool:
    record = diagnosis.record
    return bool(diagnosis.message.redrive) or (record is not None and record.deaths > letters[record.version])


def _moment(text: str | None) -> float:
    """An event's time; whoever wrote the message may have written anything."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else inf
    except ValueError:
        return inf


def _open(message: DeadMessage, stage: Stage) -> tuple[Event, ...] | Diagnosis:
    """The events of a message; its diagnosis already where the consumer refuses it before it reads the ledger."""
    try:
        events = parse(message.body)
    except MalformedMessage as error:
        return Diagnosis(message, Cause(error.cause), str(error))
    for event in events:
        if event.bucket != stage.uploads_bucket or not event.key.startswith(stage.uploads_prefix):
            where = f"{stage.uploads_bucket}/{stage.uploads_prefix}"
            return Diagnosis(message, FOREIGN, f"not below {where}", event)
    return events


def _diagnose_all(
    message: DeadMessage, events: Sequence[Event], records: dict[Version, Record], now: float
) -> Diagnosis:
    """The first object that has not ended well; a message of several succeeds when all of them do."""
    found = [_diagnose(message, event, records.get(version_of(event)), now) for event in events]
    waiting = [each for each in found if each.record is None or not each.record.phase(now).is_good]
    return (waiting or found or [Diagnosis(message, Cause("test-event"), "S3's test of the notification")])[0]


def _diagnose(message: DeadMessage, event: Event, record: Record | None, now: float) -> Diagnosis:
    if record is None and (code := _undelivered(message)):
        return Diagnosis(message, Cause("not-delivered"), f"EventBridge could not send it: {code}", event)
    if record is None:
        return Diagnosis(message, UNKNOWN, "no record in the images table", event)
    why = f"{record.status} by now" if record.phase(now).is_good else record.message
    return Diagnosis(message, _cause(record, now), why, event, record)


def _undelivered(message: DeadMessage) -> str:
    """EventBridge's code where it could not send a message to the uploads queue, and so sent it here."""
    return str(message.message_attributes.get("ERROR_CODE", {}).get("StringValue", ""))


def _cause(record: Record, now: float) -> Cause:
    phase = record.phase(now)
    match phase:
        case Phase.DONE | Phase.SUPERSEDED | Phase.REMOVED:
            return Cause(phase.value)
        case Phase.WORKING:
            return Cause("in-progress")
        case Phase.NOT_STARTED:
            return Cause("not-started")
        case Phase.INTERRUPTED:
            return Cause("killed")
        case Phase.DEAD if record.status is Status.IN_PROGRESS:  # so that its last attempt left no reason
            return Cause("killed" if record.lease_until else "not-started")
        case Phase.DEAD | Phase.REJECTED | Phase.RETRYING:
            operation = OPERATION.match(record.message)
            fingerprint = record.reason.fingerprint if record.reason else ""
            return Cause(record.cause, fingerprint or (operation.group() if operation else ""))
        case _:
            assert_never(phase)
