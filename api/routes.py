"""Every route with its handler. API Gateway has matched the route already, so that routing is one look-up in a table.

Every request gets a response: a `Problem` as itself, a failure of AWS as 503, a bug as 500 with a log entry.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from api import images, site, uploads
from api.http import Problem, Request, Response
from api.service import Service
from processing.errors import Retryable

RouteHandler = Callable[[Service, Request], Response]

ROUTES: Final[Mapping[str, Mapping[str, RouteHandler]]] = {
    "/uploads": {"POST": uploads.create_uploads},
    "/upload": {"POST": uploads.upload_image},
    "/images": {"GET": images.list_images},
    "/images/{id}": {"GET": images.get_image, "DELETE": images.erase_image},
    "/images/{id}/{variant}": {"GET": images.get_variant},
    "/": {"GET": site.get_page},
    "/{proxy+}": {"GET": site.get_file},
}

ERASING: Final = frozenset(("DELETE",))  # methods that exist where the stage erases images

OUTAGE_RETRY_AFTER: Final = 5  # seconds
PREFLIGHT_MAX_AGE: Final = 7200  # seconds
LOG: Final = logging.getLogger("darkroom.api")


def respond(service: Service, request: Request) -> Response:
    """Respond to any request; never raises."""
    start = time.perf_counter()
    try:
        response = _route_handler(service, request)(service, request)
    except Problem as problem:
        if problem.status >= 500:
            LOG.error("the stage is misconfigured", extra={"data": {"error": str(problem)}})
        response = problem.response
    except Retryable as error:
        LOG.warning("AWS is unavailable", extra={"data": {"cause": error.cause, "error": str(error)}})
        detail = f"The service is temporarily unavailable. Try again in {OUTAGE_RETRY_AFTER} seconds."
        response = Problem(503, detail, headers={"Retry-After": str(OUTAGE_RETRY_AFTER)}).response
    except Exception:  # a bug: the client gets a response, the log the traceback
        LOG.exception("request failed")
        response = Problem(500, "Internal error. It has been logged.").response
    _log(request, response, time.perf_counter() - start)
    return _finish(service, request, response)


def _route_handler(service: Service, request: Request) -> RouteHandler:
    """The handler of the route, for the method.

    Raises:
        Problem: 404, 405.
    """
    if request.resource not in ROUTES:
        raise Problem(404, "Route not found. See GET /openapi.json for the available routes.")
    if request.method == "OPTIONS":
        return _preflight
    handler = _handlers(service, request).get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        methods = _methods(service, request)
        raise Problem(405, f"Method not allowed. This route supports {methods}.", headers={"Allow": methods})
    return handler


def _preflight(service: Service, request: Request) -> Response:
    """OPTIONS: what a browser requests before it lets a page of another origin send its request."""
    headers = {"Allow": _methods(service, request)}
    if request.headers.get("origin") in service.settings.cors_origins:
        headers |= {
            "Access-Control-Allow-Methods": _methods(service, request),
            "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key, if-none-match, x-api-key",
            "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
        }
    return Response(204, headers)


def _handlers(service: Service, request: Request) -> Mapping[str, RouteHandler]:
    handlers = ROUTES[request.resource]
    missing = frozenset() if service.erasures else ERASING
    return {method: handler for method, handler in handlers.items() if method not in missing}


def _methods(service: Service, request: Request) -> str:
    methods = [*_handlers(service, request), "OPTIONS"]
    return ", ".join([*methods, "HEAD"] if "GET" in methods else methods)


def _finish(service: Service, request: Request, response: Response) -> Response:
    """Add the headers that every response has; remove the body for HEAD."""
    headers = {"X-Content-Type-Options": "nosniff", "Vary": "Origin"}
    origin = request.headers.get("origin")
    if origin in service.settings.cors_origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "ETag, Location, Retry-After"
    body = "" if request.method == "HEAD" else response.body
    return replace(response.having(headers), body=body)


def _log(request: Request, response: Response, seconds: float) -> None:
    data = {"method": request.method, "route": request.resource, "status": response.status}
    LOG.info("request", extra={"data": data | {"milliseconds": round(seconds * 1000)}})
