"""An image as the JSON that is answered."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from api.ids import given_at
from api.status import Explanation, ImageStatus, State, Upload
from processing.ledger import ImageRecord, Record, VariantRecord

Document = dict[str, Any]


def image(upload: Upload, standing: ImageStatus, *, location: str, link: Callable[[str], str]) -> Document:
    """What is known of an image.

    Args:
        location: its path.
        link: makes the URL of a variant from its key.
    """
    document: Document = {
        "id": upload.id,
        "name": upload.name,
        "status": standing.state.value,
        "message": standing.message,
        "location": location,
        "content_type": upload.content_type,
        "size": upload.size,
        "requested_at": timestamp(given_at(upload.id).timestamp()),
        "variants": [],
    }
    if standing.state is State.WAITING and upload.upload_until is not None:
        document["upload_until"] = timestamp(upload.upload_until)
    if standing.reason is not None:
        document["reason"] = reason(standing.reason)
    if standing.retrying is not None:
        document["retrying"] = standing.retrying
    if standing.record is not None:
        document |= _of_record(standing.record, standing.state, location, link)
    return document


def reason(why: Explanation) -> Document:
    """Why an image was rejected or failed."""
    document = {"class": why.cause, "text": why.text, "advice": why.advice}
    return document | ({"detail": why.detail} if why.detail else {})


def timestamp(seconds: float) -> str:
    """RFC 3339, to the second."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _of_record(record: Record, state: State, location: str, link: Callable[[str], str]) -> Document:
    document: Document = {"attempts": record.attempts}
    if state is State.DONE and record.image is not None:
        document["metadata"] = _metadata(record, record.image)
        document["lost"] = list(record.image.lost)
        document["variants"] = [_variant(each, location, link(each.key)) for each in record.variants]
    return document


def _metadata(record: Record, image: ImageRecord) -> Document:
    return {
        "format": image.image_format,
        "mode": image.mode,
        "width": image.width,
        "height": image.height,
        "transparency": image.has_transparency,
        "bytes": image.size_bytes,
        "content_type": image.content_type,
        "uploaded_at": record.uploaded_at or None,
        "created_date": image.created_date,
        "tags": list(record.tags),
    }


def _variant(variant: VariantRecord, location: str, url: str) -> Document:
    return {
        "name": variant.name,
        "format": variant.format,
        "width": variant.width,
        "height": variant.height,
        "bytes": variant.bytes,
        "location": f"{location}/{variant.name}",
        "url": url,
    }
