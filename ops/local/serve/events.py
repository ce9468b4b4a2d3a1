"""The shape in which API Gateway asks a function and is answered: the REST proxy integration's, payload format 1.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ops.local.emulator import ACCOUNT
from ops.local.serve.routes import Match

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent; ``target`` is path and query as they came, and so is the case of the headers' names."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    client: str = "127.0.0.1"
    received: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(f"//host{self.target}").path or "/"

    def header(self, name: str) -> str:
        """The last header of this name, whatever its case; empty when there is none."""
        return next((value for known, value in reversed(self.headers) if known.lower() == name), "")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the client gets."""

    status: int
    headers: Headers
    body: bytes


class MalformedAnswerError(Exception):
    """The function's answer is none that API Gateway understands."""


def to_event(
    request: HttpRequest, match: Match, *, api_key: str, key_id: str, binary: bool, stage: str
) -> dict[str, Any]:
    """The event for a request; ``binary`` content goes in base64, any other as text."""
    query = parse_qsl(urlsplit(f"//host{request.target}").query, keep_blank_values=True)
    headers = [*request.headers, ("X-Forwarded-For", request.client), ("X-Forwarded-Proto", "http")]
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _lists(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _lists(query) or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _context(request, match, api_key, key_id, stage),
        "body": _body(request.body, binary=binary),
        "isBase64Encoded": binary and bool(request.body),
    }


def to_response(answer: Any, *, binary: bool) -> HttpResponse:
    """A function's answer as HTTP; base64 stays as it is for a client that has not asked for ``binary`` content.

    Raises:
        MalformedAnswerError: it is no object, or lacks a numeric status.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
        raise MalformedAnswerError(f"no statusCode in {str(answer)[:200]}")
    many: Mapping[str, list[Any]] = answer.get("multiValueHeaders") or {}
    single = [(name, value) for name, value in (answer.get("headers") or {}).items() if name not in many]
    headers = single + [(name, value) for name, values in many.items() for value in values]
    body = answer.get("body") or ""
    try:
        content = base64.b64decode(body, validate=True) if binary and answer.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise MalformedAnswerError(f"the body is said to be base64 and is not: {error}") from error
    return HttpResponse(answer["statusCode"], [(name, str(value)) for name, value in headers], content)


def _body(body: bytes, *, binary: bool) -> str | None:
    if not body:
        return None
    return base64.b64encode(body).decode() if binary else body.decode(errors="replace")


def _lists(pairs: Headers) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def _context(request: HttpRequest, match: Match, api_key: str, key_id: str, stage: str) -> dict[str, Any]:
    identity: dict[str, str | None] = {
        "sourceIp": request.client,
        "userAgent": request.header("user-agent") or None,
        "accessKey": None,
        "accountId": None,
        "caller": None,
        "user": None,
        "userArn": None,
    }
    if match.private:
        identity |= {"apiKey": api_key, "apiKeyId": key_id}
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": request.header("host"),
        "httpMethod": request.method,
        "identity": identity,
        "path": request.path,  # as behind a domain of one's own, where no stage stands before it
        "protocol": "HTTP/1.1",
        "requestId": str(uuid.uuid4()),
        "requestTime": request.received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(request.received.timestamp() * 1000),
        "resourceId": match.resource,
        "resourcePath": match.resource,
        "stage": stage,
    }
