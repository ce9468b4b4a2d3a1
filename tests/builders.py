"""Messages, events and pictures made in code."""

import base64
import json
import zlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from processing.errors import CorruptImage
from processing.imaging import Preview, Rendered, RenderedVariant, Source
from processing.ledger import ImageRecord, VariantRecord
from processing.naming import plan_of
from processing.recipe import Limits, Recipe, VariantSpec

UPLOADS = "uploads"
BROKEN = b"broken"  # the one body that `fake_render` refuses


def recipe(*names: str, quality: int = 1, max_bytes: int = 1000) -> Recipe:
    """A recipe whose variants have the formats of the original."""
    variants = tuple(
        VariantSpec(name=name, width=100, height=100, quality=quality) for name in names or ("desktop", "phone")
    )
    return Recipe(variants, Limits(max_bytes=max_bytes, max_frames=1, max_pixels={}))


def changed(made: Recipe, *names: str, **settings: Any) -> Recipe:
    """The recipe with other settings of these variants."""
    variants = tuple(replace(spec, **settings) if spec.name in names else spec for spec in made.variants)
    return replace(made, variants=variants)


def finished(made: Recipe, key: str) -> ImageRecord:
    """What the ledger has of an image whose variants this recipe has made."""
    plan = plan_of(made, key, prefix="images/")
    variants = tuple(
        VariantRecord(spec.name, plan.keys[spec.name], "jpeg", 8, 6, 10, spec.fingerprint("jpeg"))
        for spec in plan.recipe.variants
    )
    return ImageRecord("jpeg", "RGB", 8, 6, 10, "image/jpeg", False, None, variants)


def preview_of(data: bytes) -> Preview:
    """What `fake_render` gives for these bytes; it depends on them alone."""
    return Preview(base64.b64encode(data).decode(), f"#{zlib.crc32(data) & 0xFFFFFF:06x}")


def fake_render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
    """Variants that show what they were made from: ``<variant>:<quality>:<data>``; no other setting alters them."""
    if data.startswith(BROKEN):
        raise CorruptImage("broken off")
    source = Source(
        image_format="jpeg", mode="RGB", width=8, height=6, has_transparency=False, frames=1, created_date=None
    )
    variants = tuple(
        RenderedVariant(
            name=spec.name,
            format="jpeg",
            content_type="image/jpeg",
            width=8,
            height=6,
            data=f"{spec.name}:{spec.quality}:".encode() + data,
        )
        for spec in recipe.variants
        if only is None or spec.name in only
    )
    return Rendered(source, variants, (), preview_of(data))


def s3_record(
    key: str, *, etag: str = "e1", name: str = "ObjectCreated:Put", bucket: str = UPLOADS, **changes: Any
) -> dict[str, Any]:
    """One record as S3 sends it; ``changes`` replace top-level fields."""
    thing = {"key": quote_plus(key), "size": 4, "sequencer": "0055AED6DCD90281E5"}
    if name.startswith("ObjectCreated"):
        thing["eTag"] = etag
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-21T07:00:00.000Z",
        "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": thing},
        **changes,
    }


def s3_body(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": list(records)})


def created_body(key: str, etag: str = "e1") -> str:
    return s3_body(s3_record(key, etag=etag))


def removed_body(key: str) -> str:
    return s3_body(s3_record(key, name="ObjectRemoved:Delete"))


def expired_body(key: str, name: str = "LifecycleExpiration:Delete") -> str:
    """What S3 sends when a lifecycle rule of the bucket removes an object, or covers it with a delete marker."""
    return s3_body(s3_record(key, name=name, eventVersion="2.3"))


def sns_body(inner: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": inner})


def eventbridge_body(
    key: str, *, etag: str = "e1", kind: str = "Object Created", bucket: str = UPLOADS, reason: str = "PutObject"
) -> str:
    thing: dict[str, Any] = {"key": key, "sequencer": "00617F08299329D189"}
    if kind == "Object Created":
        thing |= {"etag": etag, "size": 4, "version-id": "v1"}
    detail = {"version": "0", "bucket": {"name": bucket}, "object": thing, "reason": reason}
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": kind,
            "source": "aws.s3",
            "time": "2026-11-21T07:00:00Z",
            "detail": detail,
        }
    )


def client_error(code: str, status: int, operation: str, message: str = "") -> ClientError:
    """AWS's refusal of a request, as botocore raises it."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": "r1",
                "HostId": "",
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )
