"""How images arrive: a presigned POST for each of many files, or one small file in the body of its request."""

from dataclasses import replace
from typing import Any

from api.files import read_idempotency_key, read_name, read_type
from api.http import BYTES, Problem, Request, Response, as_json
from api.ids import new_id
from api.lookup import FoundImage, own
from api.repeats import ids_of, metadata_of
from api.schemas import File, read_files
from api.service import Service, location_of
from api.status import Upload, as_document, status_of, timestamp


def create_uploads(service: Service, request: Request) -> Response:
    """POST /uploads: an id and a presigned POST for each file; only the service makes keys."""
    caller = service.caller(request)
    files = read_files(request, service.limits)
    now, random = service.clock(), service.random()
    until = int(now) + service.settings.upload_seconds
    uploads = [
        Upload(
            # in the order of the request, and each of them unique
            id=new_id(file.name, milliseconds=int(now * 1000), random=random + index),
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            requested_at=now,
            upload_until=until,
        )
        for index, file in enumerate(files)
    ]
    documents = [
        _presigned(service, request, upload.id, file, until) for upload, file in zip(uploads, files, strict=True)
    ]
    service.owners.add(caller, uploads)
    return as_json(201, {"uploads": documents}, {"Cache-Control": "no-store"})


def upload_image(service: Service, request: Request) -> Response:
    """POST /upload: the body is the file. Its owner is written first, so that no object is ever without one."""
    caller = service.caller(request)
    request.allow_query("name")
    key = read_idempotency_key(request)
    content_type = read_type(request, request.one("name") or "", service.limits)
    body = _body(service, request)
    name = read_name(request, service.limits)
    now = service.clock()
    if key is not None:
        return _upload_once(service, request, Upload("", name, content_type, len(body), now), body, key)
    image_id = new_id(name, milliseconds=int(now * 1000), random=service.random())
    upload = Upload(image_id, name, content_type, len(body), now)
    service.owners.add(caller, [upload])
    service.objects.put(service.key(image_id), body, content_type)
    return _created(service, request, FoundImage(upload, status_of(upload, None, now=now)))


def _upload_once(service: Service, request: Request, upload: Upload, body: bytes, key: str) -> Response:
    """The upload of a client that may have sent it before, with the same Idempotency-Key.

    Raises:
        Problem: 409, the key was used for another body.
    """
    caller, now = service.caller(request), service.clock()
    first, *earlier = ids_of(caller, key, upload.name, now=now)
    known = service.owners.find_any(caller, [first, *earlier])
    upload = known or replace(upload, id=first)
    if known is None:
        service.owners.add(caller, [upload])
    path, digest = service.key(upload.id), metadata_of(body)
    if service.objects.put_new(path, body, upload.content_type or BYTES, digest):
        return _created(service, request, FoundImage(upload, status_of(upload, None, now=now)))
    if service.objects.metadata(path) not in (digest, None):
        raise Problem(409, "This Idempotency-Key was used for another file within the last 24 hours. Send a new one.")
    return _created(service, request, own(service, upload, service.versions.of(path)))


def _created(service: Service, request: Request, image: FoundImage) -> Response:
    upload, status = image
    location = location_of(request, upload.id)
    wait = {} if status.retry_after is None else {"Retry-After": str(status.retry_after)}
    headers = {"Location": location, "Cache-Control": "no-store", **wait}
    return as_json(201, as_document(upload, status, location=location, link=service.objects.link), headers)


def _presigned(service: Service, request: Request, image_id: str, file: File, until: int) -> dict[str, Any]:
    post = service.objects.presigned_post(service.key(image_id), file.content_type, file.size)
    return {
        "id": image_id,
        "name": file.name,
        "location": location_of(request, image_id),
        "upload": {"url": post.url, "fields": dict(post.fields), "expires_at": timestamp(until)},
    }


def _body(service: Service, request: Request) -> bytes:
    """The file.

    Raises:
        Problem: 413 too large, 400 empty or damaged, 500 passed on as text, in which no file survives.
    """
    if request.body and not request.is_base64:
        detail = "API Gateway passed the file on as text, which damages it; nothing was stored. This is a fault of the"
        advice = "stage: binaryMediaTypes of its REST API must be */*. Report it; the operator has to deploy it again."
        raise Problem(500, f"{detail} {advice}")
    body, limit = request.decoded(), service.max_direct_bytes
    if len(body) > limit:
        advice = "Get a presigned POST from POST /uploads."
        raise Problem(413, f"The body has {len(body)} bytes; the limit is {limit}. {advice}")
    if not body:
        raise Problem(400, "The body is empty. Send the file's bytes.")
    return body
