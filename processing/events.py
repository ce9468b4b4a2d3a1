"""Parses an SQS body into the events of S3 objects.

A body has one of three forms, or is ``s3:TestEvent``, which S3 sends once when a notification is configured::

    S3             {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {...}}]}
    SNS envelope   {"Type": "Notification", "Message": "<the S3 form, as text>"}      (raw delivery: the S3 form)
    EventBridge    {"source": "aws.s3", "detail-type": "Object Created", "detail": {...}}
    s3:TestEvent   {"Service": "Amazon S3", "Event": "s3:TestEvent", ...}

Keys are form-encoded in the S3 form and plain in EventBridge's. The expiry of an object by a lifecycle rule is
``LifecycleExpiration:...``, never ``ObjectRemoved:...``; in EventBridge's form both are "Object Deleted".
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-configure-notification.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from processing.errors import MalformedMessage

REMOVALS = ("ObjectRemoved:", "LifecycleExpiration:")  # by a request, and by a rule of the bucket
FRESH = 15 * 60  # seconds between an upload and its message; S3 takes seconds, rarely more than a minute
CLOCKS_APART = 5  # seconds by which S3's clock may be ahead of the queue's
MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_ETAG_BYTES = 256  # S3's own are 32 to 40; the sort key of the images table takes 1,024


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A new version of an object.

    ``etag`` is the opaque version token without quotes. ``sequencer`` is recorded but never compared: it
    is absent in backfills, and AWS's documentation contradicts itself on its padding.
    """

    bucket: str
    key: str
    etag: str
    size: int | None = None
    sequencer: str | None = None
    version_id: str | None = None
    time: str | None = None

    def ready_ms(self, *, sent: float, now: float) -> int | None:
        """Milliseconds from the upload until now; None where the message was not sent because of it.

        A redrive sends the message of an old event, and a backfill sends the object's own time. Neither says how long
        somebody waited for an upload. A message that is retried keeps the time at which it was sent first.

        Args:
            sent: when the message was sent to the queue, in seconds since the epoch as ``now``.
        """
        uploaded = _seconds(self.time)
        if uploaded is None or not -CLOCKS_APART <= sent - uploaded <= FRESH:
            return None
        return max(0, round((now - uploaded) * 1000))


@dataclass(frozen=True, slots=True)
class ObjectRemoved:
    """The removal of an object, or of a version of one; the bucket may have another version."""

    bucket: str
    key: str
    sequencer: str | None = None
    time: str | None = None


Event = ObjectCreated | ObjectRemoved


def parse(body: str) -> tuple[Event, ...]:
    """Read a message body in any of its forms; empty for ``s3:TestEvent``.

    Raises:
        MalformedMessage: the body has none of these forms; names the fields found.
    """
    document = _json_object(body, "the message body")
    if document.get("Type") == "Notification" and "Message" in document:
        document = _json_object(document["Message"], "the SNS envelope's Message")
    if document.get("Event") == "s3:TestEvent":
        return ()
    if "detail-type" in document:
        return (_from_eventbridge(document),)
    records = document.get("Records")
    if not isinstance(records, list) or not records:
        raise MalformedMessage(f"no S3 event: found the fields {', '.join(sorted(document)[:8]) or 'none'}")
    return tuple(_from_s3(record) for record in records)


def _from_s3(record: object) -> Event:
    fields = _mapping(record, "Records[]")
    version = str(fields.get("eventVersion", "2.1"))
    if version.split(".")[0] != "2":
        raise MalformedMessage(f"eventVersion {version} is not 2.x")
    s3 = _mapping(fields.get("s3"), "Records[].s3")
    thing = _mapping(s3.get("object"), "Records[].s3.object")
    bucket = _text(_mapping(s3.get("bucket"), "Records[].s3.bucket"), "name")
    key = _key(unquote_plus(_text(thing, "key"), errors="surrogateescape"))
    name = _text(fields, "eventName").removeprefix("s3:")
    time = _optional(fields, "eventTime")
    if name.startswith("ObjectCreated:"):
        return _created(bucket, key, thing, etag="eTag", version="versionId", time=time)
    if name.startswith(REMOVALS):
        return ObjectRemoved(bucket, key, sequencer=_optional(thing, "sequencer"), time=time)
    raise MalformedMessage(f"the event {name!r} is none of ObjectCreated, ObjectRemoved and LifecycleExpiration")


def _from_eventbridge(document: Mapping[str, Any]) -> Event:
    detail = _mapping(document.get("detail"), "detail")
    thing = _mapping(detail.get("object"), "detail.object")
    bucket = _text(_mapping(detail.get("bucket"), "detail.bucket"), "name")
    key = _key(_text(thing, "key"))
    time = _optional(document, "time")
    kind = document["detail-type"]
    if kind == "Object Created":
        return _created(bucket, key, thing, etag="etag", version="version-id", time=time)
    if kind == "Object Deleted":
        return ObjectRemoved(bucket, key, sequencer=_optional(thing, "sequencer"), time=time)
    raise MalformedMessage(f"the event {kind!r} is neither 'Object Created' nor 'Object Deleted'")


def _created(
    bucket: str, key: str, thing: Mapping[str, Any], *, etag: str, version: str, time: str | None
) -> ObjectCreated:
    token = _text(thing, etag).strip('"')
    if not 0 < len(token) <= MAX_ETAG_BYTES or not token.isascii() or not token.isprintable() or '"' in token:
        raise MalformedMessage(f"{etag} is not a version token of 1 to {MAX_ETAG_BYTES} printable ASCII characters")
    size = thing.get("size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise MalformedMessage(f"size is {size!r}, not a number of bytes")
    return ObjectCreated(
        bucket,
        key,
        token,
        size=size,
        sequencer=_optional(thing, "sequencer"),
        version_id=_optional(thing, version),
        time=time,
    )


def _seconds(time: str | None) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp() if time else None
    except (ValueError, OverflowError):
        return None


def _json_object(text: object, what: str) -> Mapping[str, Any]:
    if not isinstance(text, str):
        raise MalformedMessage(f"{what} is not text")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"{what} is not JSON: {error}") from error
    return _mapping(document, what)


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedMessage(f"{what} is {type(value).__name__}, not a JSON object")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedMessage(f"{name} is {'missing' if value is None else repr(value)[:60]}, not text")
    _encodable(value, name)
    return value


def _optional(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else _text(fields, name)


def _key(key: str) -> str:
    _encodable(key, "key")
    if not key or len(key.encode()) > MAX_KEY_BYTES:
        raise MalformedMessage(f"the key has {len(key.encode())} bytes; S3's have 1 to {MAX_KEY_BYTES}")
    return key


def _encodable(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedMessage(f"{name} is not valid UTF-8: {error.reason}") from error
