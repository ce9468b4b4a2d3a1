"""Who redrove what, when, and with which result: recorded in the images table, which needs nothing more to deploy.

The items stand under the partition key ``#redrives``. Those of images are "bucket/key", which always holds a slash, so
no object can ever be mistaken for this one; and they have no ``status``, so no count of statuses sees them. An item is
written before the first message is sent and completed at the end: a command that was killed stays "unfinished".
"""

import getpass
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import typer
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from ops.cli.stage import LOCAL, Stage, on_stage
from ops.cli.tables import Grid, table
from ops.cli.terminal import AsJson, moment, print_json, stderr, stdout

PARTITION: Final = "#redrives"
UNFINISHED: Final = "unfinished"
DONE: Final = "done"
EVERYTHING: Final = "--all"  # what is chosen without a filter
_WRITER: Final = TypeSerializer()
_READER: Final = TypeDeserializer()


@dataclass(slots=True)
class Entry:
    """One command that sent or deleted messages. ``id`` begins with the time at which it did."""

    id: str
    command: str  # redrive, native redrive, import or purge
    who: str
    chosen: str  # the filter, as it was typed
    causes: Mapping[str, int] = field(default_factory=dict)  # messages by cause
    messages: int = 0
    unseen: int = 0  # messages that SQS counted and did not give
    sent: int = 0
    refused: int = 0
    left: int = 0  # sent, and still in the dead-letter queue, since deleting them failed
    passed: int = 0
    failed_again: int = 0
    code_version: str = ""
    result: str = UNFINISHED
    why: str = ""
    ended_at: str = ""

    @property
    def at(self) -> str:
        """When it began."""
        return moment(self.id[:20])

    @property
    def is_complete(self) -> bool:
        """Whether it did all that it was to do, as far as SQS's counts show."""
        is_partial = self.chosen == EVERYTHING and self.unseen
        return self.result == DONE and not (self.refused or self.left or self.failed_again or is_partial)


class History:
    """The history of one stage."""

    def __init__(self, stage: Stage) -> None:
        self._dynamodb = stage.client("dynamodb")
        self._table = stage.images_table

    def write(self, entry: Entry) -> None:
        """Record the entry as it is now."""
        item = {name: value for name, value in asdict(entry).items() if name != "id"}
        item |= {"object": PARTITION, "etag": entry.id}
        self._dynamodb.put_item(
            TableName=self._table, Item={name: _WRITER.serialize(value) for name, value in item.items()}
        )

    def end(self, entry: Entry, result: str, why: str = "") -> None:
        """Record how it ended."""
        entry.result, entry.why, entry.ended_at = result, why, _now()
        self.write(entry)

    def latest(self, limit: int) -> list[Entry]:
        """The latest entries, the last one first."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#object = :redrives",
            ExpressionAttributeNames={"#object": "object"},
            ExpressionAttributeValues={":redrives": {"S": PARTITION}},
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit},
        )
        return [_entry(item) for page in pages for item in page["Items"]]


def new_entry(stage: Stage, command: str, chosen: str, **known: Any) -> Entry:
    """An entry that begins now."""
    return Entry(f"{_now()}-{secrets.token_hex(4)}", command, caller(stage), chosen, **known)


def caller(stage: Stage) -> str:
    """Who runs this command: the AWS identity, and on the local stack, which has none, user and host."""
    if stage.name == LOCAL:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return str(stage.client("sts").get_caller_identity()["Arn"])


@contextmanager
def recorded(stage: Stage, entry: Entry) -> Iterator[History]:
    """Record the entry, and when the block breaks off, that it did."""
    history = History(stage)
    history.write(entry)
    try:
        yield history
    except KeyboardInterrupt:
        history.end(entry, "interrupted")
        raise
    except Exception as error:
        history.end(entry, "broke off", str(error))
        raise


def finish(entry: Entry, *, as_json: bool, verb: str = "sent") -> None:
    """Print the result; exit code 1 when anything needs attention."""
    if as_json:
        print_json(asdict(entry))
    else:
        stdout().print(_summary(entry, verb))
    if not entry.is_complete:
        raise typer.Exit(1)


@on_stage
def history(
    stage: Stage,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who sent or deleted which messages, when, and with which result; the latest first.

    Examples:

    darkroom dlq history --stage prod --limit 5
    """
    entries = History(stage).latest(limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
    elif not entries:
        stderr().print("No redrives yet.")
    else:
        stdout().print(table_of_entries(entries))


def table_of_entries(entries: Sequence[Entry]) -> Grid:
    """A row for each entry; times are in UTC."""
    columns = ("when (UTC)", "who", "what", "messages", "sent", "passed", "again", "result")
    rows = [_row(entry) for entry in entries]
    return table(columns, rows, right=columns[3:7], whole=("what",), drop=("messages",))


def _summary(entry: Entry, verb: str) -> str:
    followed = entry.passed + entry.failed_again
    parts = [
        f"{entry.sent:,} of {entry.messages:,} {verb}",
        f"{entry.passed:,} passed, {entry.failed_again:,} failed again" if followed else "",
        f"{entry.refused} refused" if entry.refused else "",
        f"{entry.left} could not be deleted and are in both queues" if entry.left else "",
    ]
    return ", ".join(filter(None, parts)) + ": " + ": ".join(filter(None, (entry.result, entry.why)))


def _row(entry: Entry) -> tuple[object, ...]:
    numbers = [f"{count:,}" for count in (entry.messages, entry.sent, entry.passed, entry.failed_again)]
    return (
        entry.at.removesuffix("Z"),
        entry.who.rpartition("/")[2],
        f"{entry.command} {entry.chosen}",
        *numbers,
        entry.result,
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(item: Mapping[str, Any]) -> Entry:
    plain = {name: _READER.deserialize(value) for name, value in item.items()}
    known = {name: _number(value) for name, value in plain.items() if name not in ("object", "etag")}
    causes = {name: int(count) for name, count in known.pop("causes").items()}
    return Entry(id=plain["etag"], causes=causes, **known)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value
