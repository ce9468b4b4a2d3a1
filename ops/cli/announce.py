"""``darkroom announce``: sends the events of what has come to an end again, from the images table."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Annotated, Final, Self

import typer

from ops.cli.dlq.causes import DeadMessage
from ops.cli.dlq.messages import HeldMessages
from ops.cli.dlq.report import hidden
from ops.cli.dlq.selection import seconds
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import table
from ops.cli.terminal import AsJson, DryRun, counting, many, print_json, stderr, stdout
from ops.errors import UsageError
from processing.ledger import ImagesTable, Record
from processing.outbox import Entry, EventBus, NotTaken, entry_of

AT_ONCE: Final = 100  # events between two reports of the progress
TRIES: Final = 6  # of a request that the bus refuses
FIRST_PAUSE: Final = 0.5  # seconds; each is twice the last
MARGIN: Final = timedelta(minutes=1)  # a record has its time before the stream has it

Put = Callable[[Sequence[Entry]], None]
"""Sends events, or raises."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time from one moment to another, both included."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, message: DeadMessage) -> Self | None:
        """The time of the changes that a message of Lambda's stands for; None of any other message."""
        try:
            batch = json.loads(message.body)["DDBStreamBatchInfo"]
            first, last = (batch[f"approximateArrivalOf{which}Record"] for which in ("First", "Last"))
            return cls(datetime.fromisoformat(first) - MARGIN, datetime.fromisoformat(last) + MARGIN)
        except (ValueError, KeyError, TypeError):
            return None

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment <= self.until


@dataclass(slots=True)
class Announcement:
    """What was read and announced so far; ``events`` are by their detail-type."""

    examined: int = 0
    events: Counter[str] = field(default_factory=Counter)


def moment(text: str) -> datetime:
    """Read a moment in UTC such as ``2026-11-21`` or ``2026-11-21T07:00``, or an age such as ``2h``."""
    if re.fullmatch(r"[\d.]+[smhd]", text):
        return datetime.now(UTC) - timedelta(seconds=seconds(text))
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time: give one as 2026-11-21T07:00, or an age as 2h") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


PrefixArgument = Annotated[
    list[str] | None, typer.Argument(metavar="PREFIX", help="Keys that begin with one of these.")
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="Only images that ended since then, in UTC, or an age as in 2h."),
]
LostOption = Annotated[
    bool,
    typer.Option("--lost", help="Images that ended when the messages in the events' dead-letter queue were set aside."),
]


@on_stage
def announce(
    stage: Stage,
    prefixes: PrefixArgument = None,
    since: SinceOption = None,
    lost: LostOption = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send the events of finished images again, from the images table.

    An event has the same id as when it was first sent, so a receiver that deduplicates handles each once, and a new
    receiver gets earlier events. With --lost, the messages in the events' dead-letter queue are deleted when their
    events are sent; exit code 1 when some are hidden, because another command has them, or could not be deleted. The
    table has only the last outcome of a version. Images whose last invocation was killed are announced as well, as
    Image Failed: only this command announces them.

    Examples:

    darkroom announce --lost

    darkroom announce --since 2h --dry-run

    darkroom announce images/2026/11/ images/2026/12/ --since 2026-11-21T07:00
    """
    if not stage.event_bus:
        raise UsageError("this stage has no events: deploy it with --param events=true")
    if not (prefixes or since or lost) or (lost and (prefixes or since)):
        raise UsageError("choose the events to send: --lost, or --since TIME, prefixes of keys, or both")
    bus = EventBus(stage.client("events"), stage.event_bus)
    put: Put = (lambda _entries: None) if dry_run else lambda entries: put_all(bus, entries)
    held = HeldMessages(stage.client("sqs"), stage.events_dlq_url) if lost else nullcontext()
    with held as messages:
        set_aside = [(each, period) for each in messages.read() if (period := Period.of(each))] if messages else []
        first = min((period.since for _, period in set_aside), default=since)
        records = _ended(stage, prefixes or [""], first) if first or not lost else ()
        chosen = (each for each in records if not lost or any(_ended_at(each) in one for _, one in set_aside))
        done = _announce(stage, chosen, put)
        left = messages.delete_all([each for each, _ in set_aside]) if messages and not dry_run else ()
    _report(done, as_json=as_json, dry_run=dry_run)
    if messages:
        _check_lost(messages, left)


def put_all(bus: EventBus, entries: Sequence[Entry], pause: Callable[[float], None] = time.sleep) -> None:
    """Put events; what the bus refuses is put again after a pause, a few times.

    Raises:
        NotTaken: it refused an event each time.
    """
    for attempt in range(TRIES):
        try:
            bus.put(entries)
        except NotTaken as error:
            if attempt == TRIES - 1:
                raise
            entries = entries[error.taken :]
            pause(FIRST_PAUSE * 2**attempt)
        else:
            return


def _ended(stage: Stage, prefixes: Sequence[str], since: datetime | None) -> Iterator[Record]:
    images = ImagesTable(stage.client("dynamodb"), stage.images_table)
    return images.below(stage.uploads_bucket, prefixes, since=since)


def _ended_at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.ended_at, UTC)


def _announce(stage: Stage, records: Iterable[Record], put: Put) -> Announcement:
    """Put the events of records, a batch at a time."""
    done = Announcement()
    with counting("announced", "examined") as count:
        entries = _entries(stage, records, done)
        while batch := list(islice(entries, AT_ONCE)):
            put(batch)
            done.events.update(str(entry["DetailType"]) for entry in batch)
            count(done.events.total(), done.examined)
    return done


def _entries(stage: Stage, records: Iterable[Record], done: Announcement) -> Iterator[Entry]:
    """The events of an object are in the order in which its versions ended."""
    for _, versions in groupby(records, key=lambda record: record.version.key):
        for record in sorted(versions, key=lambda record: record.ended_at):
            done.examined += 1
            entry = entry_of(record, variants_bucket=stage.variants_bucket, cdn=stage.cdn, now=time.time())
            if entry is not None:
                yield entry


def _check_lost(held: HeldMessages, left: Sequence[DeadMessage]) -> None:
    """Say which messages stay in the queue; exit code 1 where there are some."""
    if held.unseen:
        stderr().print(f"Not all were seen: {hidden(held)}.")
    for message in left:
        stderr().print(f"not deleted: {message.id}")
    if held.unseen or left:
        raise typer.Exit(1)


def _report(done: Announcement, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        sent = 0 if dry_run else done.events.total()
        print_json({"events": dict(done.events), "sent": sent, "examined": done.examined})
        return
    stdout().print(
        table(("event", "count"), [(name, f"{n:,}") for name, n in sorted(done.events.items())], right=["count"])
    )
    would = "would be sent" if dry_run else "sent"
    stderr().print(f"{many(done.events.total(), 'event')} {would}, of {many(done.examined, 'record')}")
