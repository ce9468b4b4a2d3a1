"""What the images table says of an object, as far as people are shown it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from ops.errors import UsageError

MOST_KEYS = 100  # in one BatchGetItem
TRIES = 8
FIRST_PAUSE = 0.1  # seconds; each is twice the last
TEXTS = (
    *("object", "etag", "status", "image_format", "mode", "recipe", "code_version", "message_id", "content_type"),
    *("created_date", "uploaded_at", "sequencer"),
)
NUMBERS = ("attempts", "width", "height", "size_bytes", "updated_at", "lease_until")


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

    @property
    def pixels(self) -> str:
        """Width and height as shown, for people."""
        return _pixels(self.width, self.height)


@dataclass(frozen=True, slots=True)
class ImagesTable:
    """The images table of one stage; ``dynamodb`` is a boto3 client, and ``pause`` waits for so many seconds."""

    dynamodb: Any
    name: str
    pause: Callable[[float], None] = time.sleep

    def read(self, versions: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """The items that exist, by object and ETag; at most ``MOST_KEYS`` are asked for.

        Raises:
            UsageError: DynamoDB left some of them out, again and again.
        """
        keys = [{"object": {"S": thing}, "etag": {"S": etag}} for thing, etag in versions]
        records = {}
        request = {self.name: {"Keys": keys, "ConsistentRead": True}} if keys else {}
        tries = 0
        while request:
            if tries == TRIES:
                raise UsageError(f"DynamoDB throttles the reads of {self.name}: try again later")
            if tries:
                self.pause(FIRST_PAUSE * 2 ** (tries - 1))
            tries += 1
            answer = self.dynamodb.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self.name, []):
                record = _record(_plain(item))
                records[record.object, record.etag] = record
            request = answer.get("UnprocessedKeys")
        return records

    def versions(self, thing: str) -> list[Record]:
        """Every version of one object (``bucket/key``) that was ever seen, the latest change first."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="#object = :object",
            ExpressionAttributeNames={"#object": "object"},
            ExpressionAttributeValues={":object": {"S": thing}},
            ConsistentRead=True,
        )
        found = [_record(_plain(item)) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda record: record.updated_at, reverse=True)


def _pixels(width: int, height: int) -> str:
    return f"{width}×{height}"  # noqa: RUF001 - the sign for it


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def _record(item: Mapping[str, Any]) -> Record:
    reason = item.get("reason", {})
    texts: dict[str, Any] = {name: str(item.get(name, "")) for name in TEXTS}
    numbers: dict[str, Any] = {name: int(item.get(name, 0)) for name in NUMBERS}
    return Record(
        **texts,
        **numbers,
        cause=reason.get("class", ""),
        message=reason.get("message", ""),
        fingerprint=reason.get("fingerprint", ""),
        request_id=reason.get("request_id", ""),
        last_receive=bool(item.get("last_receive", False)),
        has_transparency=bool(item.get("has_transparency", False)),
        variants=tuple(_variant(variant) for variant in item.get("variants", ())),
        timings={stage: int(value) for stage, value in item.get("timings", {}).items()},
        lost=tuple(item.get("lost", ())),
    )


def _variant(fields: Mapping[str, Any]) -> Variant:
    numbers = {name: int(fields[name]) for name in ("width", "height", "bytes")}
    return Variant(name=fields["name"], key=fields["key"], format=fields["format"], **numbers)
