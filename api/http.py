"""What goes in and out: a request, a response, and the problem that is answered instead (RFC 9457)."""

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


@dataclass(frozen=True, slots=True)
class Request:
    """A request as API Gateway's proxy integration tells of it.

    Args:
        resource: the route, such as ``/images/{id}``.
        base: what stands before the route in the URL's path: nothing, or the stage, as in ``/dev``.
        headers: by their names in small letters.
        query, parameters: of the URL, and of the route.
        body: as text; base 64 where ``is_base64``.
        key_id, principal, subject: of the API key, of IAM, of the token: whichever there was.
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

    @property
    def content_type(self) -> str:
        """Without its parameters, in small letters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def one(self, name: str) -> str | None:
        """The value of a query parameter that may be given once.

        Raises:
            Problem: 422, it was given several times.
        """
        values = self.query.get(name, ())
        if len(values) > 1:
            raise unprocessable(Fault(f"?{name}", "is given more than once: give it once"))
        return values[0] if values else None

    def allow_query(self, *names: str) -> None:
        """Refuse every other query parameter.

        Raises:
            Problem: 422.
        """
        unknown = sorted(self.query.keys() - set(names))
        if unknown:
            known = ", ".join(names) or "none"
            raise unprocessable(*(Fault(f"?{name}", f"is no parameter here; there are: {known}") for name in unknown))

    def decoded(self) -> bytes:
        """The body's bytes.

        Raises:
            Problem: 400, it did not arrive as it was sent.
        """
        if not self.is_base64:
            return self.body.encode(errors="surrogatepass")
        try:
            return base64.b64decode(self.body, validate=True)
        except binascii.Error as error:
            raise Problem(400, "The body was damaged on its way: send it again.") from error


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; its body is always text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def having(self, headers: Mapping[str, str]) -> "Response":
        """The same with more headers; its own stay."""
        return replace(self, headers={**headers, **self.headers})


class Fault(NamedTuple):
    """One thing that is wrong with a request: where (a JSON pointer, or ``?name`` of a query), and what to do."""

    path: str
    detail: str


class Problem(DarkroomError):
    """The request cannot be answered as its sender hoped.

    Args:
        detail: says what to do.
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
        """The problem as its answer."""
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
    """A request that can be read, and asks for what cannot be."""
    return Problem(422, "The request was understood, but not all of it can be: see errors.", faults=faults)


def as_json(status: int, document: object, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document as the answer."""
    return Response(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(document, ensure_ascii=False))


def tag_of(text: str) -> str:
    """A weak ETag: two answers with the same one say the same."""
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def cached(request: Request, tag: str, make: Callable[[], Response], headers: Mapping[str, str]) -> Response:
    """The answer that ``make`` makes, or 304 where its sender has it already (RFC 9110, 13.1.2); both with headers."""
    asked = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    known = asked & {tag.removeprefix("W/"), "*"}
    return (Response(304) if known else make()).having({"ETag": tag, **headers})


def base_of(path: str, resource: str, parameters: Mapping[str, str]) -> str:
    """What stands in a URL's path before the route: the stage, or what a domain of one's own has there.

    Args:
        path: all of it, as ``requestContext`` tells it.
        resource: the route.
        parameters: of the route; a greedy one may hold several segments.
    """
    route = resource.replace("{proxy+}", parameters.get("proxy", ""))
    count = len(_segments(path)) - len(_segments(route))
    return "".join(f"/{segment}" for segment in _segments(path)[:count])


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
