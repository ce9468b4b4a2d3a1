"""What the letters died of: each joined with what the images table knows of the object it speaks of, and grouped."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from math import inf

from ops.dlq.letters import THREADS, Letter, in_groups
from ops.images import MOST_KEYS, ImagesTable, Record
from ops.stage import Stage
from processing.errors import MalformedMessage
from processing.events import Event, ObjectCreated, parse
from processing.ledger import REMOVED_KEY, Status

ENDED = (Status.DONE, Status.SUPERSEDED, Status.REMOVED)
OPERATION = re.compile(r"(?:s3|dynamodb|sqs):[A-Za-z]+(?= |:)")  # as `processing.aws.calling` names what AWS refused
REDRIVE = "darkroom-redrive"  # the message attribute that tells which redrive sent a letter that is back
Version = tuple[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """A cause of death. ``name`` is an error's class or AWS's code, or one of the words that `ops.dlq.advice` explains.

    ``place`` tells failures of one name apart: the fingerprint of where in the code, or what was asked of AWS.
    """

    name: str
    place: str = ""

    @property
    def id(self) -> str:
        """What people type; the name alone means every place."""
        return f"{self.name}:{self.place}" if self.place else self.name


FOREIGN = Cause(MalformedMessage.__name__)  # the consumer refuses such a letter before the ledger hears of it


@dataclass(frozen=True, slots=True)
class Case:
    """A letter and what is known of it. ``record`` is None where the ledger knows nothing."""

    letter: Letter
    cause: Cause
    message: str = ""
    event: Event | None = None
    record: Record | None = None

    @property
    def bucket(self) -> str:
        """The bucket of the object, empty where the letter cannot be read."""
        return self.event.bucket if self.event else ""

    @property
    def key(self) -> str:
        """The key of the object, empty where the letter cannot be read."""
        return self.event.key if self.event else ""

    @property
    def version(self) -> Version | None:
        """The key of the ledger's record; None where it never has one, as the letter names no object of this stage."""
        return version_of(self.event) if self.event and self.cause != FOREIGN else None

    @property
    def first_seen(self) -> float:
        """When S3 told of the object, in seconds since the epoch; a redrive gives the message a later time."""
        return min(_moment(self.event.time if self.event else None), self.letter.sent_at)

    @property
    def last_seen(self) -> float:
        """When the last attempt ended, in seconds since the epoch; where none is known, when the letter was sent."""
        return self.record.updated_at if self.record and self.record.updated_at else self.letter.sent_at

    @property
    def redrive(self) -> str:
        """The redrive that sent it, if one of ours did."""
        return str(self.letter.message_attributes.get(REDRIVE, {}).get("StringValue", ""))


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one cause; there is at least one."""

    cause: Cause
    cases: Sequence[Case]

    @property
    def first_seen(self) -> float:
        """When S3 told of the earliest of them."""
        return min(case.first_seen for case in self.cases)

    @property
    def last_seen(self) -> float:
        """When the latest attempt on one of them ended."""
        return max(case.last_seen for case in self.cases)

    @property
    def attempts(self) -> int:
        """How many attempts were made on all of them."""
        return sum(case.record.attempts for case in self.cases if case.record)

    @property
    def redriven(self) -> int:
        """How many of them a redrive has sent before, so that they failed again."""
        return sum(bool(case.redrive) for case in self.cases)

    @property
    def code_versions(self) -> tuple[str, ...]:
        """With which versions of the code they failed."""
        return tuple(sorted({case.record.code_version for case in self.cases if case.record}))

    @property
    def example(self) -> Case:
        """The case that was seen last."""
        return max(self.cases, key=lambda case: (case.last_seen, case.letter.message_id))


def join(stage: Stage, letters: Sequence[Letter], *, clock: Callable[[], float] = time.time) -> list[Case]:
    """Each letter with its record and its cause, in the order of ``letters``."""
    opened = [_open(letter, stage) for letter in letters]
    versions = dict.fromkeys(version_of(event) for one in opened if isinstance(one, tuple) for event in one)
    records = read_records(ImagesTable(stage.client("dynamodb"), stage.images_table), list(versions))
    now = clock()
    return [
        _judge(letter, found, records, now) if isinstance(found, tuple) else found
        for letter, found in zip(letters, opened, strict=True)
    ]


def read_records(table: ImagesTable, versions: Sequence[Version]) -> dict[Version, Record]:
    """The records of these versions that exist, however many are asked for."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="records") as pool:
        answers = pool.map(table.read, in_groups(versions, MOST_KEYS))
        return {version: record for answer in answers for version, record in answer.items()}


def group(cases: Iterable[Case]) -> list[Group]:
    """The cases by their cause, the largest group first."""
    found: dict[Cause, list[Case]] = {}
    for case in cases:
        found.setdefault(case.cause, []).append(case)
    groups = [Group(cause, cases) for cause, cases in found.items()]
    return sorted(groups, key=lambda one: (-len(one.cases), one.cause))


def version_of(event: Event) -> Version:
    """The key of the record that the ledger keeps of what an event speaks of."""
    etag = event.etag if isinstance(event, ObjectCreated) else REMOVED_KEY
    return f"{event.bucket}/{event.key}", etag


def _moment(text: str | None) -> float:
    """An event's time; whoever wrote the message may have written anything."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else inf
    except ValueError:
        return inf


def _open(letter: Letter, stage: Stage) -> tuple[Event, ...] | Case:
    """What a letter speaks of; a case already where the consumer refuses it before the ledger hears of it."""
    try:
        events = parse(letter.body)
    except MalformedMessage as error:
        return Case(letter, Cause(error.cause), str(error))
    for event in events:
        if event.bucket != stage.uploads_bucket or not event.key.startswith(stage.uploads_prefix):
            where = f"{stage.uploads_bucket}/{stage.uploads_prefix}"
            return Case(letter, FOREIGN, f"not below {where}", event)
    return events


def _judge(letter: Letter, events: Sequence[Event], records: dict[Version, Record], now: float) -> Case:
    """The case of the first object that has not ended well; a message of several succeeds when all of them do."""
    cases = [_case(letter, event, records.get(version_of(event)), now) for event in events]
    waiting = [case for case in cases if case.record is None or case.record.status not in ENDED]
    return (waiting or cases or [Case(letter, Cause("test-event"), "S3's test of the notification")])[0]


def _case(letter: Letter, event: Event, record: Record | None, now: float) -> Case:
    if record is None:
        return Case(letter, Cause("unknown"), "unknown to the ledger", event)
    if record.status in ENDED:
        return Case(letter, Cause(record.status.lower()), f"{record.status} by now", event, record)
    if record.status == Status.IN_PROGRESS:
        word = "not-started" if not record.lease_until else "in-progress" if record.lease_until > now else "killed"
        return Case(letter, Cause(word), record.message, event, record)
    operation = OPERATION.match(record.message)
    place = record.fingerprint or (operation.group() if operation else "")
    return Case(letter, Cause(record.cause, place), record.message, event, record)
