"""The image that an id means, with its status: one of the caller's own, or for an operator any object below the prefix.

An object that the API did not take has no owner item. Its file is known from one HEAD, its status from the ledger.
Of a page of objects, one listing and one read of records tell both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from api.http import Problem, Request
from api.ids import ULID_LENGTH, can_be_key, id_of, is_id
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
    return _any(service, key) if service.is_operator(request) else None


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


def below(
    service: Service, request: Request, prefix: str, *, after: str | None, limit: int
) -> tuple[list[FoundImage], str | None]:
    """A page of the objects whose keys begin with a prefix, whoever uploaded them; the key to continue after, if any.

    Raises:
        Problem: 403, the caller is no operator.
    """
    if not service.is_operator(request):
        raise Problem(403, "Only operators list by prefix. Leave it out to list your own images.")
    start = after or service.settings.uploads_prefix  # and so without a folder of this name, which has no id
    if not (can_be_key(prefix) and can_be_key(start)):
        return [], None
    sources, is_truncated = service.objects.below(prefix, after=start, limit=limit)
    records = service.versions.at({key: source.etag for key, source in sources.items()})
    found = (
        _known(service, key, source, _record([records[key]] if key in records else [], source))
        for key, source in sources.items()
    )
    return [image for image in found if image], next(reversed(sources), None) if is_truncated else None


def _any(service: Service, key: str) -> FoundImage | None:
    """An object, whoever uploaded it."""
    source = _source(service, key)
    return _known(service, key, source, _record(service.versions.of(key), source))


def _known(service: Service, key: str, source: UploadedObject | None, record: Record | None) -> FoundImage | None:
    """An object by its file and its record; None if the consumer never saw it and it is not there, or is ignored."""
    prefix = service.settings.uploads_prefix
    if record is None and (source is None or service.recipe.ignores(key.removeprefix(prefix), source.size)):
        return None
    image, image_id = record.image if record else None, id_of(key, prefix=prefix)
    upload = Upload(
        id=image_id,
        name=image_id[ULID_LENGTH + 1 :] if is_id(image_id) else key.rpartition("/")[2],
        content_type=(source.content_type if source else None) or (image.content_type if image else None),
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
