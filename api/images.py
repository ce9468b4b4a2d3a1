"""What clients can read and erase: an image's status, its variants, and the caller's recent images."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

from api.http import Problem, Request, Response, as_json, cached, tag_of
from api.ids import is_id
from api.owners import partition_of
from api.schemas import read_page
from api.service import Service, location_of
from api.status import ImageStatus, Link, State, Upload, as_document, is_abandoned, not_uploaded, status_of
from api.versions import THREADS
from processing.ledger import Record, current
from processing.naming import file_name

Assemble = Callable[[list[dict[str, Any]]], dict[str, Any]]


def get_image(service: Service, request: Request) -> Response:
    """GET /images/{id}: the status of an image."""
    request.allow_query()
    upload = _find(service, request)
    status = _status(service, upload, service.versions.of(service.key(upload.id)))
    return _respond(service, request, [(upload, status)], [status], lambda documents: documents[0])


def list_images(service: Service, request: Request) -> Response:
    """GET /images: the status of the caller's recent images; the parameter status filters each page after the read."""
    caller = service.caller(request)
    page = read_page(request)
    uploads, cursor = service.owners.page(caller, limit=page.limit, after=page.cursor)
    versions = service.versions.of_many([service.key(upload.id) for upload in uploads])
    with ThreadPoolExecutor(THREADS) as threads:  # each may need a HEAD of its object
        statuses = list(threads.map(_status, repeat(service), uploads, versions))
    pairs = zip(uploads, statuses, strict=True)
    selected = [(upload, status) for upload, status in pairs if page.state in (None, status.state)]
    return _respond(service, request, selected, statuses, lambda documents: {"images": documents, "next": cursor})


def get_variant(service: Service, request: Request) -> Response:
    """GET /images/{id}/{variant}: a redirect to the variant."""
    request.allow_query()
    upload = _find(service, request)
    status = _status(service, upload, service.versions.of(service.key(upload.id)))
    if status.state is State.DONE and (record := status.record) is not None:
        for variant in record.variants:
            if variant.name == request.parameters["variant"]:
                max_age = service.settings.link_seconds // 2
                name = file_name(upload.name, variant.format)
                location = service.objects.link(variant, record.version.etag, name)
                return Response(302, {"Location": location, "Cache-Control": f"private, max-age={max_age}"})
    raise Problem(404, f"Variant not found. The image's status is {status.state}.", headers=_retry_after([status]))


def erase_image(service: Service, request: Request) -> Response:
    """DELETE /images/{id}: begin to erase the image, its variants and all records of it."""
    request.allow_query()
    upload = _find(service, request)
    if service.erasures is None:
        raise AssertionError("the route exists where the stage erases images")
    caller = service.caller(request)
    intent = service.erasures.request(service.key(upload.id), by=caller, owner=partition_of(caller))
    document = {"id": upload.id, "receipt": intent.id, "object_sha256": intent.digest}
    return as_json(202, document, {"Cache-Control": "no-store"})


def _find(service: Service, request: Request) -> Upload:
    """The caller's image. The response is the same for another caller's image and for one that does not exist.

    Raises:
        Problem: 404.
    """
    caller = service.caller(request)
    image_id = request.parameters["id"]
    upload = service.owners.find(caller, image_id) if is_id(image_id) else None
    if upload is None:
        raise Problem(404, "Image not found. List yours with GET /images.")
    return upload


def _status(service: Service, upload: Upload, versions: Sequence[Record]) -> ImageStatus:
    """From the ledger alone, as a rule; one HEAD where no version appeared in time, or there are several."""

    def source_etag() -> str | None:
        return service.objects.source_etag(service.key(upload.id))

    now = service.clock()
    if not versions and is_abandoned(upload, now=now) and source_etag() is None:
        return not_uploaded()
    return status_of(upload, current(versions, source_etag), now=now)


def _respond(
    service: Service,
    request: Request,
    selected: Sequence[tuple[Upload, ImageStatus]],
    statuses: Sequence[ImageStatus],
    assemble: Assemble,
) -> Response:
    """The document, or 304, which signs no link. New links change the ETag, because the old ones expire soon."""

    def document(link: Link) -> dict[str, Any]:
        return assemble(
            [
                as_document(upload, status, location=location_of(request, upload.id), link=link)
                for upload, status in selected
            ]
        )

    tag = tag_of(json.dumps([document(lambda _variant, _etag, _name: ""), service.objects.period()]))
    headers = {"Cache-Control": "private, no-cache", **_retry_after(statuses)}
    return cached(request, tag, lambda: as_json(200, document(service.objects.link)), headers)


def _retry_after(statuses: Sequence[ImageStatus]) -> dict[str, str]:
    """The header Retry-After, unless every status is final."""
    waits = [status.retry_after for status in statuses if status.retry_after is not None]
    return {"Retry-After": str(min(waits))} if waits else {}
