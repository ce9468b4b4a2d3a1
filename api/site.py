"""The page and its files, and two documents for programs: the API's description, and what a client has to know."""

import html
import json
from pathlib import PurePosixPath
from typing import Any, Final

from api.formats import extensions
from api.http import Problem, Request, Response, as_json, cached, tag_of
from api.objects import origin_of
from api.schemas import MOST_FILES
from api.service import Service

INDEX: Final = "index.html"
HEAD: Final = "<head>"
CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
ALWAYS_ASK: Final = {"Cache-Control": "no-cache"}
KEPT: Final = {"Cache-Control": "public, max-age=300"}
"""The page is 22 files for whoever comes, and each invokes the function; a new release is there after 5 minutes."""


def page(service: Service, request: Request) -> Response:
    """GET /: the page."""
    return _file(service, request, INDEX)


def other(service: Service, request: Request) -> Response:
    """GET of anything that is no other route: a file of the page, or a document, by its exact name.

    Raises:
        Problem: 404.
    """
    name = request.parameters.get("proxy", "")
    if name == "openapi.json":
        return _document(request, describe(service))
    if name == "settings.json":
        return _document(request, settings(service))
    return _file(service, request, name)


def settings(service: Service) -> dict[str, Any]:
    """What a client has to know before it sends anything."""
    taken = service.accepted
    return {
        "authorizer": service.settings.authorizer,
        "max_bytes": taken.max_bytes,
        "max_direct_bytes": service.max_direct_bytes,
        "max_files": MOST_FILES,
        "content_types": list(taken.content_types),
        "extensions": list(extensions(taken.content_types)),
        "variants": list(service.variants),
        "upload_seconds": service.settings.upload_seconds,
    }


def describe(service: Service) -> dict[str, Any]:
    """The OpenAPI document, with this stage's own limits in it."""
    document: dict[str, Any] = json.loads(json.dumps(service.description))
    file = document["components"]["schemas"]["File"]["properties"]
    file["size"]["maximum"] = service.accepted.max_bytes
    file["content_type"]["enum"] = list(service.accepted.content_types)
    direct = document["paths"]["/upload"]["post"]["requestBody"]
    sent = next(iter(direct["content"].values()))
    direct["content"] = dict.fromkeys(service.accepted.content_types, sent)
    return document


def _document(request: Request, document: dict[str, Any]) -> Response:
    answer = as_json(200, document)
    return cached(request, tag_of(answer.body), lambda: answer, ALWAYS_ASK)


def _file(service: Service, request: Request, name: str) -> Response:
    text, kind = service.files.get(name), CONTENT_TYPES.get(PurePosixPath(name).suffix)
    if text is None or kind is None:
        raise Problem(404, "There is nothing of this name: GET /openapi.json tells what there is.")
    headers = dict(KEPT)
    if name == INDEX:
        # it refers to its files below the stage, and a URL may end without a slash
        text = text.replace(HEAD, f'{HEAD}<base href="{html.escape(request.base)}/">', 1)
        headers |= _guards(service)
    return cached(request, tag_of(text), lambda: Response(200, {"Content-Type": kind}, text), headers)


def _guards(service: Service) -> dict[str, str]:
    """What the browser must not let the page do, whatever is smuggled into it."""
    uploads = origin_of(service.objects.form("any", "image/png", 1).url)
    variants = origin_of(service.objects.link("any"))
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: data: {variants}",
        "connect-src": f"'self' {uploads}",
        "manifest-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
