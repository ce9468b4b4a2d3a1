"""How images arrive: a presigned POST for each of many files, or one small file in the body of its request."""

from typing import Any

from api.http import Problem, Request, Response, as_json
from api.ids import new_id
from api.schemas import read_files, read_name
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
            upload_until=until,
        )
        for index, file in enumerate(files)
    ]
    documents = [_presigned(service, request, upload, until) for upload in uploads]
    service.owners.add(caller, uploads)
    return as_json(201, {"uploads": documents}, {"Cache-Control": "no-store"})


def upload_image(service: Service, request: Request) -> Response:
    """POST /upload: the body is the file. Its owner is written first, so that no object is ever without one."""
    caller = service.caller(request)
    request.allow_query("name")
    body = _body(service, request)
    name = read_name(request, service.limits)
    now = service.clock()
    image_id = new_id(name, milliseconds=int(now * 1000), random=service.random())
    upload = Upload(image_id, name, request.content_type, len(body))
    service.owners.add(caller, [upload])
    service.objects.put(service.key(image_id), body, upload.content_type)
    status, location = status_of(upload, None, now=now), location_of(request, image_id)
    headers = {"Location": location, "Cache-Control": "no-store", "Retry-After": str(status.retry_after)}
    return as_json(201, as_document(upload, status, location=location, link=service.objects.link), headers)


def _presigned(service: Service, request: Request, upload: Upload, until: int) -> dict[str, Any]:
    post = service.objects.presigned_post(service.key(upload.id), upload.content_type, upload.size)
    return {
        "id": upload.id,
        "name": upload.name,
        "location": location_of(request, upload.id),
        "upload": {"url": post.url, "fields": dict(post.fields), "expires_at": timestamp(until)},
    }


def _body(service: Service, request: Request) -> bytes:
    """The file.

    Raises:
        Problem: 415 the content type is not accepted, 413 too large, 400 empty or damaged.
    """
    accepted = service.limits.content_types
    if request.content_type not in accepted:
        types = ", ".join(accepted)
        raise Problem(415, f"Set the Content-Type header to one of: {types}.", headers={"Accept": types})
    body = request.decoded()
    if len(body) > service.max_direct_bytes:
        detail = f"The body is larger than {service.max_direct_bytes} bytes. Get a presigned POST from POST /uploads."
        raise Problem(413, detail)
    if not body:
        raise Problem(400, "The body is empty. Send the file's bytes.")
    return body
