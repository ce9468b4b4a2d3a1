"""Who redrove what, when, and with which result: kept in the images table, so that it needs nothing more to deploy.

The items stand under the partition key ``#redrives``. Those of images are "bucket/key", which always holds a slash, so
no object can ever be mistaken for this one; and they have no ``status``, so no count of statuses sees them. An item is
written before the first letter is sent and completed at the end: a command that was killed stays "unfinished".
"""

import getpass
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from ops.stage import LOCAL, Stage

PARTITION: Final = "#redrives"
UNFINISHED: Final = "unfinished"
_TO: Final = TypeSerializer()
_FROM: Final = TypeDeserializer()


@dataclass(slots=True)
class Entry:
    """One command that sent or deleted letters. ``id`` begins with the time at which it did."""

    id: str
    command: str  # redrive, native redrive, import or purge
    who: str
    chosen: str  # the filter, as it was typed
    causes: Mapping[str, int] = field(default_factory=dict)  # letters by cause
    letters: int = 0
    unseen: int = 0  # letters that could not be looked at, for SQS did not give them
    sent: int = 0
    refused: int = 0
    left: int = 0  # sent, and dead letters still, since deleting them failed
    passed: int = 0
    failed_again: int = 0
    code_version: str = ""
    recipe: str = ""
    result: str = UNFINISHED
    why: str = ""
    ended_at: str = ""

    @property
    def at(self) -> str:
        """When it began, to the minute."""
        return self.id[:16].replace("T", " ") + "Z"


class History:
    """The history of one stage."""

    def __init__(self, stage: Stage) -> None:
        self._dynamodb = stage.client("dynamodb")
        self._table = stage.images_table

    def write(self, entry: Entry) -> None:
        """Keep the entry as it is now."""
        item = {name: value for name, value in asdict(entry).items() if name != "id"}
        item |= {"object": PARTITION, "etag": entry.id}
        self._dynamodb.put_item(
            TableName=self._table, Item={name: _TO.serialize(value) for name, value in item.items()}
        )

    def end(self, entry: Entry, result: str, why: str = "") -> None:
        """Keep how it ended."""
        entry.result, entry.why, entry.ended_at = result, why, _now()
        self.write(entry)

    def latest(self, most: int) -> list[Entry]:
        """The latest entries, the last one first."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#object = :redrives",
            ExpressionAttributeNames={"#object": "object"},
            ExpressionAttributeValues={":redrives": {"S": PARTITION}},
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": most},
        )
        return [_entry(item) for page in pages for item in page["Items"]]


def new_entry(stage: Stage, command: str, chosen: str, **known: Any) -> Entry:
    """An entry that begins now."""
    return Entry(f"{_now()}-{secrets.token_hex(4)}", command, who(stage), chosen, **known)


def who(stage: Stage) -> str:
    """Whoever runs this command: the AWS identity, and on the embedded stack, which has none, user and host."""
    if stage.name == LOCAL:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return str(stage.client("sts").get_caller_identity()["Arn"])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(item: Mapping[str, Any]) -> Entry:
    plain = {name: _FROM.deserialize(value) for name, value in item.items()}
    known = {name: _number(value) for name, value in plain.items() if name not in ("object", "etag")}
    causes = {name: int(count) for name, count in known.pop("causes").items()}
    return Entry(id=plain["etag"], causes=causes, **known)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value
