"""What becomes of images: one, its variants, and the caller's recent ones."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

from api import view
from api.http import Problem, Request, Response, as_json, cached, tag_of
from api.ids import is_id
from api.schemas import read_page
from api.service import Service, location_of
from api.status import ImageStatus, State, Upload, is_forgotten, never_sent, standing
from api.versions import THREADS
from processing.ledger import Record, current

Found = tuple[Upload, ImageStatus]
Whole = Callable[[list[dict[str, Any]]], dict[str, Any]]


def show(service: Service, request: Request) -> Response:
    """GET /images/{id}: where the image stands."""
    request.allow_query()
    upload = _find(service, request)
    where = _standing(service, upload, service.versions.of(service.key(upload.id)))
    return _answer(service, request, [(upload, where)], [where], lambda documents: documents[0])


def show_many(service: Service, request: Request) -> Response:
    """GET /images: where the caller's recent images stand; the status chooses from a page that was read already."""
    caller = service.caller(request)
    page = read_page(request)
    uploads, cursor = service.register.page(caller, limit=page.limit, after=page.cursor)
    versions = service.versions.of_many([service.key(upload.id) for upload in uploads])
    with ThreadPoolExecutor(THREADS) as threads:  # each may have to look for its object
        everywhere = list(threads.map(_standing, repeat(service), uploads, versions))
    found = zip(uploads, everywhere, strict=True)
    chosen = [(upload, where) for upload, where in found if page.state in (None, where.state)]
    return _answer(service, request, chosen, everywhere, lambda documents: {"images": documents, "next": cursor})


def redirect(service: Service, request: Request) -> Response:
    """GET /images/{id}/{variant}: the way to the picture."""
    request.allow_query()
    upload = _find(service, request)
    where = _standing(service, upload, service.versions.of(service.key(upload.id)))
    for variant in where.record.variants if where.state is State.DONE and where.record else ():
        if variant.name == request.parameters["variant"]:
            life = service.settings.link_seconds // 2
            headers = {"Location": service.objects.link(variant.key), "Cache-Control": f"private, max-age={life}"}
            return Response(302, headers)
    raise Problem(404, f"There is no such variant: the image is {where.state}.", headers=_again([where]))


def _find(service: Service, request: Request) -> Upload:
    """The caller's image. Another's is answered as one that never was, so that nobody learns of it.

    Raises:
        Problem: 404.
    """
    caller = service.caller(request)
    image_id = request.parameters["id"]
    upload = service.register.find(caller, image_id) if is_id(image_id) else None
    if upload is None:
        raise Problem(404, "There is no such image of yours: GET /images tells which there are.")
    return upload


def _standing(service: Service, upload: Upload, versions: Sequence[Record]) -> ImageStatus:
    """By the ledger alone, as a rule; one HEAD where no version was seen in time, or several are to choose from."""

    def source_etag() -> str | None:
        return service.objects.source_etag(service.key(upload.id))

    now = service.clock()
    if not versions and is_forgotten(upload, now=now) and source_etag() is None:
        return never_sent()
    return standing(upload, current(versions, source_etag), now=now)


def _answer(
    service: Service, request: Request, chosen: Sequence[Found], everywhere: Sequence[ImageStatus], whole: Whole
) -> Response:
    """The document, or 304; nothing is signed for that. New links change the ETag: old ones will soon be of no use."""

    def document(link: Callable[[str], str]) -> dict[str, Any]:
        return whole(
            [view.image(upload, where, location=location_of(request, upload.id), link=link) for upload, where in chosen]
        )

    tag = tag_of(json.dumps([document(lambda _key: ""), service.objects.period()]))
    headers = {"Cache-Control": "private, no-cache", **_again(everywhere)}
    return cached(request, tag, lambda: as_json(200, document(service.objects.link)), headers)


def _again(everywhere: Sequence[ImageStatus]) -> dict[str, str]:
    """When to ask again, as long as anything may still happen."""
    soon = [where.retry_after for where in everywhere if where.retry_after is not None]
    return {"Retry-After": str(min(soon))} if soon else {}
