"""HTTP as route handlers see it: a request, a response, and a problem (RFC 9457), the response to a bad request."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from processing.errors import DarkroomError

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
BYTES: Final = "application/octet-stream"  # the only type for files that many generated clients know


@dataclass(frozen=True, slots=True)
class Request:
    """A request from API Gateway's proxy integration.

    Args:
        resource: the route, such as ``/images/{id}``.
        base: the part of the URL's path before the route: empty, or the stage, as in ``/dev``.
        headers: by their names in lower case.
        query, parameters: those of the URL, and those of the route.
        body: text; base64 if ``is_base64``.
        key_id, principal, subject: the caller's identity by API key, by IAM, by token.
        groups: those of the token's user.
    """

    method: str
    resource: str
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    is_base64: bool = False
    key_id: str | None = None
    principal: str | None = None
    subject: str | None = None
    groups: Sequence[str] = ()

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def one(self, name: str) -> str | None:
        """The value of a query parameter that may occur once.

        Raises:
            Problem: 422, it occurs several times.
        """
        values = self.query.get(name, ())
        if len(values) > 1:
            raise unprocessable(Fault(f"?{name}", "Specify this parameter only once."))
        return values[0] if values else None

    def allow_query(self, *names: str) -> None:
        """Refuse all other query parameters.

        Raises:
            Problem: 422.
        """
        unknown = sorted(self.query.keys() - set(names))
        if unknown:
            detail = f"Unknown parameter. Supported parameters: {', '.join(names) or 'none'}."
            raise unprocessable(*(Fault(f"?{name}", detail) for name in unknown))

    def decoded(self) -> bytes:
        """The bytes of the body.

        Raises:
            Problem: 400, the body is not valid base64.
        """
        if not self.is_base64:
            return self.body.encode(errors="surrogatepass")
        try:
            return base64.b64decode(self.body, validate=True)
        except binascii.Error as error:
            raise Problem(400, "The body is not valid base64. Send the request again.") from error


@dataclass(frozen=True, slots=True)
class Response:
    """A response; ``body`` is text, base64 if ``is_base64``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    is_base64: bool = False

    def having(self, headers: Mapping[str, str]) -> "Response":
        """A copy with more headers; its own take precedence."""
        return replace(self, headers={**headers, **self.headers})


class Fault(NamedTuple):
    """One fault of a request: where (a JSON pointer, or ``?name`` for a query parameter), and what is valid there."""

    path: str
    detail: str


class Problem(DarkroomError):
    """The request cannot be fulfilled.

    Args:
        detail: what is wrong and what to do.
    """

    def __init__(
        self, status: int, detail: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The response to send."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
        }
        if self.faults:
            document["errors"] = [fault._asdict() for fault in self.faults]
        headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", **self.headers}
        return Response(self.status, headers, json.dumps(document, ensure_ascii=False))


def unprocessable(*faults: Fault) -> Problem:
    """422: the request is well-formed but has invalid values."""
    return Problem(422, "The request has invalid values. See errors.", faults=faults)


def as_json(status: int, document: object, headers: Mapping[str, str] | None = None) -> Response:
    """A response with a JSON document."""
    return Response(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(document, ensure_ascii=False))


def tag_of(text: str) -> str:
    """A weak ETag for a response with this content."""
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def cached(request: Request, tag: str, make: Callable[[], Response], headers: Mapping[str, str]) -> Response:
    """The response that ``make`` returns, or 304 if the client has it (RFC 9110, 13.1.2); both with these headers."""
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    is_current = bool(known & {tag.removeprefix("W/"), "*"})
    return (Response(304) if is_current else make()).having({"ETag": tag, **headers})


def base_of(path: str, resource: str, parameters: Mapping[str, str]) -> str:
    """The part of a URL's path before the route: the stage, or the base path of a custom domain.

    Args:
        path: the whole path, from ``requestContext``.
        resource: the route.
        parameters: those of the route; a greedy one may contain several segments.
    """
    route = resource.replace("{proxy+}", parameters.get("proxy", ""))
    count = len(_segments(path)) - len(_segments(route))
    return "".join(f"/{segment}" for segment in _segments(path)[:count])


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
