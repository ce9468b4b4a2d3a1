"""What clients can read and erase: an image's status, its variants, and the caller's recent images."""

import base64
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, Final, NamedTuple

from api.http import BYTES, Problem, Request, Response, as_json, cached, tag_of
from api.lookup import FoundImage, below, find, own, uploaded
from api.owners import partition_of
from api.picture import picture_of
from api.queries import PageQuery, View, read_page, read_redirect, read_view
from api.service import MAX_DIRECT_BYTES, Service, location_of
from api.status import ImageStatus, Link, State, as_document
from api.versions import THREADS
from processing.ledger import Status, VariantRecord
from processing.naming import file_name


class Links(NamedTuple):
    """What makes the URLs in a document: of a variant of a version, and of an original by its key and its name."""

    variant: Link
    original: Callable[[str, str], str]


UNSIGNED: Final = Links(lambda _variant, _etag, _name: "", lambda _key, _name: "")


def get_image(service: Service, request: Request) -> Response:
    """GET /images/{id}: the status of an image."""
    view = read_view(request, with_picture=bool(service.settings.cdn_url))
    image = _find(service, request)

    def document(links: Links) -> dict[str, Any]:
        return _document(request, image, links) | _details(image, links, view)

    links = _links(service, saved=view.saved)
    return _respond(request, [image.status], document, links, period=service.objects.signed_period())


def list_images(service: Service, request: Request) -> Response:
    """GET /images: the status of the caller's recent images, or of other ones; see `read_page`."""
    caller = service.caller(request)
    page = read_page(request, prefix=service.settings.uploads_prefix)
    images, following = _page(service, request, caller, page)

    def document(links: Links) -> dict[str, Any]:
        selected = [image for image in images if page.state in (None, image.status.state)]
        return {"images": [_document(request, image, links) for image in selected], "next": following}

    statuses = [image.status for image in images]
    return _respond(request, statuses, document, _links(service), period=service.objects.period())


def get_variant(service: Service, request: Request) -> Response:
    """GET /images/{id}/{variant}: a redirect to the variant, or its bytes."""
    redirects = read_redirect(request)
    upload, status = _find(service, request)
    if status.state is State.DONE and (record := status.record) is not None:
        for variant in record.variants:
            if variant.name == request.parameters["variant"]:
                if not redirects:
                    return _bytes(service, request, variant)
                max_age = service.settings.link_seconds // 2
                name = file_name(upload.name, variant.format)
                location = service.objects.link(variant, record.version.etag, name)
                return Response(302, {"Location": location, "Cache-Control": f"private, max-age={max_age}"})
    raise Problem(404, f"Variant not found. The image's status is {status.state}.", headers=_retry_after([status]))


def erase_image(service: Service, request: Request) -> Response:
    """DELETE /images/{id}: begin to erase the caller's image, its variants and all records of it; not an operator's."""
    request.allow_query()
    upload = uploaded(service, request, request.parameters["id"])
    if upload is None:
        raise _not_found()
    if service.erasures is None:
        raise AssertionError("the route exists where the stage erases images")
    caller = service.caller(request)
    intent = service.erasures.request(service.key(upload.id), by=caller, owner=partition_of(caller))
    document = {"id": upload.id, "receipt": intent.id, "object_sha256": intent.digest}
    return as_json(202, document, {"Cache-Control": "no-store"})


def _links(service: Service, *, saved: bool = False) -> Links:
    """The links to show an image, or to have a browser save it."""
    objects = service.objects
    return Links(objects.download, objects.original_download) if saved else Links(objects.link, objects.original_link)


def _page(service: Service, request: Request, caller: str, page: PageQuery) -> tuple[list[FoundImage], str | None]:
    """The images of a page, and what the next one begins after."""
    if page.image_id is not None:
        found = find(service, request, page.image_id)
        return [found] if found else [], None
    if page.prefix is not None:
        return below(service, request, page.prefix, after=page.after, limit=page.limit)
    uploads, following = service.owners.page(caller, limit=page.limit, after=page.cursor)
    versions = service.versions.of_many([service.key(upload.id) for upload in uploads])
    with ThreadPoolExecutor(THREADS) as threads:  # each may need a HEAD of its object
        return list(threads.map(own, repeat(service), uploads, versions)), following


def _bytes(service: Service, request: Request, variant: VariantRecord) -> Response:
    """The variant itself.

    Raises:
        Problem: 413, larger than a response may be; 404, deleted since.
    """
    if variant.bytes > MAX_DIRECT_BYTES:
        advice = "Leave out redirect=false and follow the redirect."
        raise Problem(413, f"The variant has {variant.bytes} bytes; the limit is {MAX_DIRECT_BYTES}. {advice}")
    body = service.objects.read_variant(variant.key, max_bytes=MAX_DIRECT_BYTES)
    if body is None:
        raise Problem(404, "The variant is not stored any more. Get the image's status again.")
    kind = BYTES if request.headers.get("accept") == BYTES else f"image/{variant.format}"
    headers = {"Content-Type": kind, "Cache-Control": "private, no-cache"}
    return Response(200, headers, base64.b64encode(body).decode(), is_base64=True)


def _find(service: Service, request: Request) -> FoundImage:
    """The image that the route names. The response is the same for another caller's image and for none.

    Raises:
        Problem: 404.
    """
    image = find(service, request, request.parameters["id"])
    if image is None:
        raise _not_found()
    return image


def _not_found() -> Problem:
    return Problem(404, "Image not found. List yours with GET /images.")


def _document(request: Request, image: FoundImage, links: Links) -> dict[str, Any]:
    upload, status = image
    return as_document(upload, status, location=location_of(request, upload.id), link=links.variant)


def _details(image: FoundImage, links: Links, view: View) -> dict[str, Any]:
    """What a response has of one image alone: a link to its original, its srcset and picture."""
    upload, status = image
    record = status.record
    if record is None or record.status is Status.REMOVED:
        return {}
    version, name = record.version, upload.name
    details: dict[str, Any] = {"original": links.original(version.key, name)}
    if status.state is State.DONE and record.variants and view.with_picture:

        def url(variant: VariantRecord) -> str:
            return links.variant(variant, version.etag, file_name(name, variant.format))

        details |= picture_of(record.variants, url, view.sizes)
    return details


def _respond(
    request: Request,
    statuses: Sequence[ImageStatus],
    document: Callable[[Links], dict[str, Any]],
    links: Links,
    *,
    period: int,
) -> Response:
    """The document, or 304, which signs no link. A new period changes the ETag, because the old links expire soon."""
    tag = tag_of(json.dumps([document(UNSIGNED), period]))
    headers = {"Cache-Control": "private, no-cache", **_retry_after(statuses)}
    return cached(request, tag, lambda: as_json(200, document(links)), headers)


def _retry_after(statuses: Sequence[ImageStatus]) -> dict[str, str]:
    """The header Retry-After, unless every status is final."""
    waits = [status.retry_after for status in statuses if status.retry_after is not None]
    return {"Retry-After": str(min(waits))} if waits else {}
