"""Every route and its story. API Gateway has found the route already: a look into a table is all that is left.

Whatever happens, there is an answer: a `Problem` as itself, AWS's failures as 503, a bug as 500 and in the log.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from api import images, site, uploads
from api.http import Problem, Request, Response
from api.service import Service
from processing.errors import Retryable

RouteHandler = Callable[[Service, Request], Response]

ROUTES: Final[Mapping[str, Mapping[str, RouteHandler]]] = {
    "/uploads": {"POST": uploads.give_forms},
    "/upload": {"POST": uploads.store},
    "/images": {"GET": images.show_many},
    "/images/{id}": {"GET": images.show},
    "/images/{id}/{variant}": {"GET": images.redirect},
    "/": {"GET": site.page},
    "/{proxy+}": {"GET": site.other},
}

AFTER_AN_OUTAGE: Final = 5  # seconds
LONGEST_PREFLIGHT: Final = 7200  # seconds for which browsers keep the answer to one
LOG: Final = logging.getLogger("darkroom.api")


def answer(service: Service, request: Request) -> Response:
    """Answer any request; never raises."""
    start = time.perf_counter()
    try:
        response = _story(request)(service, request)
    except Problem as problem:
        response = problem.response
    except Retryable as error:
        LOG.warning("AWS does not answer", extra={"data": {"cause": error.cause, "error": str(error)}})
        detail = f"The service cannot answer just now: try again in {AFTER_AN_OUTAGE} seconds."
        response = Problem(503, detail, headers={"Retry-After": str(AFTER_AN_OUTAGE)}).response
    except Exception:  # a bug of ours: its sender gets an answer, and we the traceback
        LOG.exception("a request was not answered as it should be")
        response = Problem(500, "Something went wrong on our side; it has been written down.").response
    _log(request, response, time.perf_counter() - start)
    return _finish(service, request, response)


def _story(request: Request) -> RouteHandler:
    """The story of the route, for the method.

    Raises:
        Problem: 404, 405.
    """
    stories = ROUTES.get(request.resource)
    if stories is None:
        raise Problem(404, "There is no such route: GET /openapi.json tells which there are.")
    if request.method == "OPTIONS":
        return _preflight
    story = stories.get("GET" if request.method == "HEAD" else request.method)
    if story is None:
        raise Problem(405, f"This takes {_methods(request)}.", headers={"Allow": _methods(request)})
    return story


def _preflight(service: Service, request: Request) -> Response:
    """What a browser asks before it lets another origin's page in."""
    if request.headers.get("origin") not in service.settings.cors_origins:
        return Response(204, {"Allow": _methods(request)})
    return Response(
        204,
        {
            "Allow": _methods(request),
            "Access-Control-Allow-Methods": _methods(request),
            "Access-Control-Allow-Headers": "authorization, content-type, if-none-match, x-api-key",
            "Access-Control-Max-Age": str(LONGEST_PREFLIGHT),
        },
    )


def _methods(request: Request) -> str:
    methods = [*ROUTES[request.resource], "OPTIONS"]
    return ", ".join([*methods, "HEAD"] if "GET" in methods else methods)


def _finish(service: Service, request: Request, response: Response) -> Response:
    """The headers that every answer has, and no body for HEAD."""
    headers = {"X-Content-Type-Options": "nosniff", "Vary": "Origin"}
    origin = request.headers.get("origin")
    if origin in service.settings.cors_origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "ETag, Location, Retry-After"
    body = "" if request.method == "HEAD" else response.body
    return Response(response.status, {**headers, **response.headers}, body)


def _log(request: Request, response: Response, seconds: float) -> None:
    data = {"method": request.method, "route": request.resource, "status": response.status}
    LOG.info("request", extra={"data": data | {"milliseconds": round(seconds * 1000)}})
