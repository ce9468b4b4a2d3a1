"""How images come in: a form for S3 for each of many files, or one small file with its request."""

from typing import Any

from api import view
from api.formats import TYPES
from api.http import Fault, Problem, Request, Response, as_json, unprocessable
from api.ids import new_id
from api.schemas import LONGEST_NAME, is_name, read_files
from api.service import Service, location_of
from api.status import Upload, standing


def give_forms(service: Service, request: Request) -> Response:
    """POST /uploads: an id and a form for each file; nobody but the service makes keys."""
    caller = service.caller(request)
    files = read_files(request, service.accepted)
    now, random = service.clock(), service.random()
    until = int(now) + service.settings.upload_seconds
    uploads = [
        Upload(
            # in the order of the request, and none like another
            id=new_id(file.name, milliseconds=int(now * 1000), random=random + index),
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            upload_until=until,
        )
        for index, file in enumerate(files)
    ]
    answers = [_form(service, request, upload, until) for upload in uploads]
    service.register.remember(caller, uploads)
    return as_json(201, {"uploads": answers}, {"Cache-Control": "no-store"})


def store(service: Service, request: Request) -> Response:
    """POST /upload: the file is the body. It is written down first, so that no file is ever nobody's."""
    caller = service.caller(request)
    request.allow_query("name")
    body = _body(service, request)
    name = _name(request)
    now = service.clock()
    image_id = new_id(name, milliseconds=int(now * 1000), random=service.random())
    upload = Upload(image_id, name, request.content_type, len(body))
    service.register.remember(caller, [upload])
    service.objects.put(service.key(image_id), body, upload.content_type)
    where = standing(upload, None, now=now)
    location = location_of(request, image_id)
    document = view.image(upload, where, location=location, link=service.objects.link)
    return as_json(
        201, document, {"Location": location, "Cache-Control": "no-store", "Retry-After": str(where.retry_after)}
    )


def _form(service: Service, request: Request, upload: Upload, until: int) -> dict[str, Any]:
    form = service.objects.form(service.key(upload.id), upload.content_type, upload.size)
    return {
        "id": upload.id,
        "name": upload.name,
        "location": location_of(request, upload.id),
        "upload": {"url": form.url, "fields": dict(form.fields), "expires_at": view.timestamp(until)},
    }


def _body(service: Service, request: Request) -> bytes:
    """The file.

    Raises:
        Problem: 413 too large, 415 declared as what is not taken, 400 empty or damaged.
    """
    taken = ", ".join(service.accepted.content_types)
    if request.content_type not in service.accepted.content_types:
        raise Problem(
            415,
            f"Say what the file is in the header Content-Type: one of {taken}.",
            headers={"Accept": taken},
        )
    body = request.decoded()
    if len(body) > service.max_direct_bytes:
        raise Problem(
            413,
            f"This way takes up to {service.max_direct_bytes} bytes: ask POST /uploads for a form and send it to S3.",
        )
    if not body:
        raise Problem(400, "The body is empty: send the file's bytes.")
    return body


def _name(request: Request) -> str:
    """What the file is called.

    Raises:
        Problem: 422.
    """
    name = request.one("name")
    if name is None:
        return f"image{TYPES[request.content_type][0]}"
    if not is_name(name):
        raise unprocessable(Fault("?name", f"give the file's name: 1 to {LONGEST_NAME} characters"))
    return name
