"""Who may ask a server on loopback: programs of this machine that know its keys, and pages of the origins it serves.

A web page can send requests to 127.0.0.1 as well: with its own name for that address (DNS rebinding), or without being
able to read the answer, which is enough to write. So the Host must be loopback's own name, and an Origin must be known.
AWS answers a simple request of a foreign page, and the browser hides the answer; here it is refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from ops.local.credentials import Credentials
from ops.local.refusals import RefusedError, access_denied, unknown_access_key

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_KEY: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/|AWS ([^:\s]+):")
_BUCKET: Final = re.compile(r"/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/.*)?", re.DOTALL)
_NOT_ALLOWED: Final = "CORSResponse: This CORS request is not allowed."


class CorsRule(Protocol):
    """One rule of a bucket's CORS configuration, as moto keeps it."""

    allowed_methods: Any
    allowed_origins: Any
    allowed_headers: Any
    exposed_headers: Any
    max_age_seconds: Any


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine. The port says nothing: it is the one that was connected to."""
    return _LOOPBACK.fullmatch(host) is not None


class Guard:
    """A WSGI application before the emulator's.

    Args:
        application: the emulator.
        credentials: the only ones that are known.
        cors_rules: gives the CORS rules of a bucket by its name.
    """

    def __init__(
        self, application: Callable[..., Any], credentials: Credentials, cors_rules: Callable[[str], Iterable[CorsRule]]
    ) -> None:
        self._application = application
        self._credentials = credentials
        self._cors_rules = cors_rules

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let the emulator answer."""
        try:
            headers = self._cors_headers(environ)
            if environ["REQUEST_METHOD"] == "OPTIONS":
                if not headers:
                    raise access_denied(_NOT_ALLOWED)
                start_response("200 OK", list(headers.items()))
                return []
            self._check_access_key(environ)
        except RefusedError as refused:
            return _refuse(refused, environ, start_response)

        def start(status: str, sent: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*sent, *headers.items()], *error)

        answer: Iterable[bytes] = self._application(environ, start)
        return answer

    def _cors_headers(self, environ: Environ) -> dict[str, str]:
        """What the answer to a page of another origin says; nothing where no page asks.

        Raises:
            RefusedError: the Host is not this machine, or no CORS rule lets the Origin in.
        """
        if not is_loopback(environ.get("HTTP_HOST", "")):
            raise access_denied("This emulator answers requests to 127.0.0.1 and localhost only.")
        if (origin := environ.get("HTTP_ORIGIN")) is None:
            return {}
        bucket = _BUCKET.fullmatch(environ.get("PATH_INFO", ""))
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        for rule in self._cors_rules(bucket[1]) if bucket else ():
            matching = [each for each in _list(rule.allowed_origins) if _matches(each, origin)]
            if matching and method in _list(rule.allowed_methods):
                return _headers_of(rule, "*" if "*" in matching else origin, environ)
        raise access_denied(_NOT_ALLOWED)

    def _check_access_key(self, environ: Environ) -> None:
        """Raises:
        RefusedError: the request is signed with an unknown access key, or not at all.
        """
        access_key = _access_key_of(environ)
        if access_key == self._credentials.access_key:
            return
        if access_key is not None:
            raise unknown_access_key(access_key)
        if not _is_form(environ):  # whose policy is signed
            raise access_denied()


def _access_key_of(environ: Environ) -> str | None:
    if authorization := environ.get("HTTP_AUTHORIZATION"):
        found = _KEY.match(authorization)
        return str(found[1] or found[2]) if found else ""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    for name in ("X-Amz-Credential", "AWSAccessKeyId"):
        if name in query:
            return str(query[name][0]).partition("/")[0]
    return None


def _is_form(environ: Environ) -> bool:
    bucket = _BUCKET.fullmatch(environ.get("PATH_INFO", ""))
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        and not environ.get("QUERY_STRING")
        and bucket is not None
        and bucket[1] != "moto-api"
        and bucket[2] in (None, "/")
    )


def _headers_of(rule: CorsRule, origin: str, environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(_list(rule.allowed_methods)),
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }
    if origin != "*":
        headers["Access-Control-Allow-Credentials"] = "true"
    if exposed := _list(rule.exposed_headers):
        headers["Access-Control-Expose-Headers"] = ", ".join(exposed)
    if environ["REQUEST_METHOD"] == "OPTIONS":
        wanted = [name.strip() for name in environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").split(",")]
        allowed = _list(rule.allowed_headers)
        if not all(any(_matches(each.lower(), name.lower()) for each in allowed) for name in wanted if name):
            raise access_denied(_NOT_ALLOWED)
        headers["Access-Control-Allow-Headers"] = ", ".join(filter(None, wanted))
        if rule.max_age_seconds is not None:
            headers["Access-Control-Max-Age"] = str(rule.max_age_seconds)
    return headers


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _matches(pattern: str, text: str) -> bool:
    """S3's wildcard: one ``*`` stands for any characters."""
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def _refuse(refused: RefusedError, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """The refusal in the words of the service that was asked."""
    status, headers, text = refused.answer()
    kind = environ.get("CONTENT_TYPE", "")
    if _is_for_s3(environ):
        pass
    elif kind.startswith("application/x-www-form-urlencoded"):
        error = f"<Code>InvalidClientTokenId</Code><Message>{refused}</Message>"
        text = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
    else:
        headers = {"content-type": kind or "application/json", "x-amzn-errortype": "UnrecognizedClientException"}
        text = json.dumps({"__type": "UnrecognizedClientException", "message": str(refused)})
    content = text.encode()
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers.items(), ("content-length", str(len(content)))])
    return [content]


def _is_for_s3(environ: Environ) -> bool:
    if "HTTP_AUTHORIZATION" in environ:
        return "/s3/aws4_request" in environ["HTTP_AUTHORIZATION"]
    return "HTTP_X_AMZ_TARGET" not in environ
