"""The page and its files, and two documents for programs: the API's description, and the settings of the stage."""

import html
import json
from pathlib import PurePosixPath
from typing import Any, Final

from api.files import declarable, extensions
from api.http import BYTES, Problem, Request, Response, as_json, cached, tag_of
from api.objects import origin_of
from api.schemas import MAX_FILES
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
NO_CACHE: Final = {"Cache-Control": "no-cache"}
CACHED: Final = {"Cache-Control": "public, max-age=300"}
"""For the page's files, each of which invokes the function; browsers load a new release after 5 minutes."""


def get_page(service: Service, request: Request) -> Response:
    """GET /: the page."""
    return _file(service, request, INDEX)


def get_file(service: Service, request: Request) -> Response:
    """GET of every other path: a file of the page, or a document, by its exact name.

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
    """What a client needs to know before it uploads."""
    limits = service.limits
    return {
        "authorizer": service.settings.authorizer,
        "max_bytes": limits.max_bytes,
        "max_direct_bytes": service.max_direct_bytes,
        "max_files": MAX_FILES,
        "content_types": list(limits.content_types),
        "extensions": list(extensions(limits.content_types)),
        "variants": [spec.name for spec in service.recipe.variants],
        "upload_seconds": service.settings.upload_seconds,
        "erasure": service.erasures is not None,
    }


def describe(service: Service) -> dict[str, Any]:
    """The OpenAPI document, with the limits and the methods of this stage."""
    document: dict[str, Any] = json.loads(json.dumps(service.description))
    file = document["components"]["schemas"]["File"]["properties"]
    file["size"]["maximum"] = service.limits.max_bytes
    file["content_type"]["enum"] = declarable(service.limits.content_types)
    prefix = service.settings.uploads_prefix.replace(".", "[.]")
    query = {each["name"]: each["schema"] for each in document["paths"]["/images"]["get"]["parameters"]}
    query["key"]["pattern"] = query["after"]["pattern"] = f"^{prefix}[\\s\\S]"
    query["prefix"]["pattern"] = f"^{prefix}"
    if service.erasures is None:
        del document["paths"]["/images/{id}"]["delete"]
    direct = document["paths"]["/upload"]["post"]["requestBody"]
    body = next(iter(direct["content"].values()))
    direct["content"] = dict.fromkeys([*service.limits.content_types, BYTES], body)
    return document


def _document(request: Request, document: dict[str, Any]) -> Response:
    response = as_json(200, document)
    return cached(request, tag_of(response.body), lambda: response, NO_CACHE)


def _file(service: Service, request: Request, name: str) -> Response:
    text, kind = service.files.get(name), CONTENT_TYPES.get(PurePosixPath(name).suffix)
    if text is None or kind is None:
        raise Problem(404, "Not found. See GET /openapi.json for the available routes.")
    headers = dict(CACHED)
    if name == INDEX:
        # its links are relative to the stage, and the URL may lack the slash at the end
        text = text.replace(HEAD, f'{HEAD}<base href="{html.escape(request.base)}/">', 1)
        headers |= _security_headers(service)
    return cached(request, tag_of(text), lambda: Response(200, {"Content-Type": kind}, text), headers)


def _security_headers(service: Service) -> dict[str, str]:
    """Limits that the browser enforces on the page, should somebody inject a script."""
    uploads = origin_of(service.objects.presigned_post("any", "image/png", 1).url)
    variants = service.objects.links_origin()
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
        "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
