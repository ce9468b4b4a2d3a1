"""The image that an id means, with its status: one of the caller's own, or for an operator any object below the prefix.

An object that the API did not take has no owner item. Its file is known from one HEAD, its status from the ledger.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from api.http import Request
from api.ids import ULID_LENGTH, is_id
from api.objects import UploadedObject
from api.service import Service
from api.status import ImageStatus, Upload, is_abandoned, not_uploaded, status_of
from processing.errors import Unavailable
from processing.ledger import Record, Status, current


class FoundImage(NamedTuple):
    """An image that the caller may see."""

    upload: Upload
    status: ImageStatus


def find(service: Service, request: Request, image_id: str) -> FoundImage | None:
    """The image with this id; None for an image that the caller may not see, as for one that does not exist."""
    upload = uploaded(service, request, image_id)
    try:
        key = service.key(image_id)
    except ValueError:
        return None
    if upload is not None:
        return own(service, upload, service.versions.of(key))
    return _any(service, image_id, key) if service.is_operator(request) else None


def uploaded(service: Service, request: Request, image_id: str) -> Upload | None:
    """The image with this id that the caller uploaded by the API; None for any other."""
    caller = service.caller(request)
    return service.owners.find(caller, image_id) if is_id(image_id) else None


def own(service: Service, upload: Upload, versions: Sequence[Record]) -> FoundImage:
    """From the ledger alone, as a rule; one HEAD where no version appeared in time, or there are several."""

    def source_etag() -> str | None:
        source = service.objects.source(service.key(upload.id))
        return source.etag if source else None

    now = service.clock()
    if not versions and is_abandoned(upload, now=now) and source_etag() is None:
        return FoundImage(upload, not_uploaded())
    return FoundImage(upload, status_of(upload, current(versions, source_etag), now=now))


def _any(service: Service, image_id: str, key: str) -> FoundImage | None:
    """An object, whoever uploaded it; None if the consumer never saw it and it is not there, or is ignored."""
    source = _source(service, key)
    record = _record(service.versions.of(key), source)
    below = key.removeprefix(service.settings.uploads_prefix)
    if record is None and (source is None or service.recipe.ignores(below, source.size)):
        return None
    image = record.image if record else None
    upload = Upload(
        id=image_id,
        name=image_id[ULID_LENGTH + 1 :] if is_id(image_id) else key.rpartition("/")[2],
        content_type=source.content_type if source else image.content_type if image else None,
        size=source.size if source else image.size_bytes if image else None,
        requested_at=source.uploaded_at if source else _uploaded_at(record),
    )
    return FoundImage(upload, status_of(upload, record, now=service.clock()))


def _source(service: Service, key: str) -> UploadedObject | None:
    """The object; None also for one that is encrypted with its uploader's key, which S3 does not show without it."""
    try:
        return service.objects.source(key)
    except Unavailable as error:
        if error.cause != "BadRequest":
            raise
        return None


def _record(versions: Sequence[Record], source: UploadedObject | None) -> Record | None:
    """Of the version that is there now; of an object that is gone, what was last known."""
    if source is None:
        return current(versions, lambda: None)
    there = (one for one in versions if one.version.etag == source.etag and one.status is not Status.SUPERSEDED)
    return next(there, None)


def _uploaded_at(record: Record | None) -> float | None:
    """When the version was uploaded, as its event said."""
    try:
        return datetime.fromisoformat(record.uploaded_at).timestamp() if record else None
    except ValueError:
        return None
