"""API Gateway as the handler sees it: a request becomes the event of a proxy integration, and the answer is held
against the API's own description."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # types-jsonschema is not pinned

from api.routes import ROUTES
from handlers import api

ORIGIN_KEY = "the-key-of-anna"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What the handler answered; ``content`` is a body that came in base64."""

    status: int
    headers: Mapping[str, str]
    body: str
    content: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]


@dataclass
class Gateway:
    """Sends requests to the handler as API Gateway would.

    ``caller`` is the id of the API key; ``seen`` collects which answers of the description were given.
    """

    caller: str | None = "anna"
    stage: str = "dev"
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    def get(self, url: str, **headers: str) -> Answer:
        return self.send("GET", url, headers=headers)

    def post(self, url: str, document: Any) -> Answer:
        return self.send("POST", url, json.dumps(document), {"content-type": "application/json"})

    def send(
        self, method: str, url: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request; the answer is checked against the description where that knows route and method."""
        given = event(method, url, body, headers or {}, stage=self.stage, caller=self.caller)
        raw = api.handler(given, None)
        content = base64.b64decode(raw["body"], validate=True) if raw["isBase64Encoded"] else b""
        answer = Answer(raw["statusCode"], raw["headers"], raw["body"], content)
        assert all(isinstance(value, str) for value in answer.headers.values())
        route = documented_route(urlsplit(url).path, given["resource"])
        if route in description()["paths"] and method.lower() in description()["paths"][route]:
            self.seen.add((method, route, answer.status))
            assert faults(answer, route, method.lower()) == []
        return answer


def event(
    method: str, url: str, body: str | bytes | None, headers: Mapping[str, str], *, stage: str, caller: str | None
) -> dict[str, Any]:
    """The event of a proxy integration, its headers in the mixed case in which they come."""
    parts = urlsplit(url)
    resource, parameters = route_of(parts.path)
    query = parse_qs(parts.query, keep_blank_values=True)
    if body is not None:  # binaryMediaTypes is */*
        body = base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode()
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": method,
        "headers": {name.replace("_", "-").title(): value for name, value in headers.items()} or None,
        "multiValueHeaders": None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "path": f"/{stage}{parts.path}" if stage else parts.path,
            "httpMethod": method,
            "stage": stage,
            "identity": {"apiKeyId": caller, "apiKey": ORIGIN_KEY if caller else None, "caller": None},
        },
        "body": body,
        "isBase64Encoded": body is not None,
    }


def route_of(path: str) -> tuple[str, dict[str, str]]:
    """API Gateway's choice: fixed segments before variable ones, and the greedy one last."""
    segments = path.strip("/").split("/") if path != "/" else []
    for resource in ROUTES:
        names = resource.strip("/").split("/") if resource != "/" else []
        if "{proxy+}" in names or len(names) != len(segments) or path.endswith("/") != (resource == "/"):
            continue
        if all(name.startswith("{") or name == segment for name, segment in zip(names, segments, strict=True)):
            pairs = zip(names, segments, strict=True)
            return resource, {name[1:-1]: unquote(segment) for name, segment in pairs if name.startswith("{")}
    return "/{proxy+}", {"proxy": unquote(path.removeprefix("/"))}


def documented_route(path: str, resource: str) -> str:
    return path if resource == "/{proxy+}" else resource


@cache
def description() -> dict[str, Any]:
    """The document that the handler itself serves."""
    answer = api.handler(event("GET", "/openapi.json", None, {}, stage="dev", caller=None), None)
    document: dict[str, Any] = json.loads(answer["body"])
    return document


def faults(answer: Answer, route: str, method: str) -> list[str]:
    """What of an answer the description does not promise."""
    operation = description()["paths"][route][method]
    promised = operation["responses"].get(str(answer.status))
    if promised is None:
        return [f"{method} {route} answers {answer.status}, which is not described"]
    promised = resolved(promised)
    found = [
        f"the header {name} is missing"
        for name, header in promised.get("headers", {}).items()
        if resolved(header).get("required") and name not in answer.headers
    ]
    for name, header in promised.get("headers", {}).items():
        if name in answer.headers and resolved(header)["schema"].get("type") == "integer":
            found += problems_with(int(answer.headers[name]), resolved(header)["schema"])
    content = promised.get("content", {})
    if not content:
        return [*found, *(["has a body"] if answer.body else [])]
    if answer.kind not in content:
        return [*found, f"is {answer.kind}, not one of {list(content)}"]
    is_json = answer.kind.endswith("json")
    return found + problems_with(answer.json if is_json else answer.body, content[answer.kind]["schema"])


def problems_with(value: Any, schema: dict[str, Any]) -> list[str]:
    """Why a value does not fit a schema of the description."""
    whole = schema | {"components": description()["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = description()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
