"""The upload API: one request from API Gateway.

The event is that of a REST API's proxy integration: ``{"resource", "httpMethod", "headers", "body",
"isBase64Encoded", "pathParameters", "multiValueQueryStringParameters", "requestContext": {...}}``, the response
``{"statusCode", "headers", "body"}``.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from functools import cache
from typing import Any

from api import routes
from api.http import Request, base_of
from api.service import Service
from handlers.api_bootstrap import build_api
from handlers.startup import starting


@cache
def api() -> Service:
    """Built at the first invocation, kept for the lifetime of the execution environment."""
    with starting():
        return build_api()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Respond to one request; never raises for an invalid one."""
    response = routes.respond(api(), _request(event))
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body,
        "isBase64Encoded": response.is_base64,
    }


def _request(event: dict[str, Any]) -> Request:
    context = event["requestContext"]
    identity = context.get("identity") or {}
    claims = (context.get("authorizer") or {}).get("claims") or {}
    parameters = event.get("pathParameters") or {}
    return Request(
        method=event["httpMethod"],
        resource=event["resource"],
        base=base_of(context["path"], event["resource"], parameters),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        query=event.get("multiValueQueryStringParameters") or {},
        parameters=parameters,
        body=event.get("body") or "",
        is_base64=event.get("isBase64Encoded", False),
        key_id=identity.get("apiKeyId"),
        principal=identity.get("caller"),
        subject=claims.get("sub"),
        groups=claims.get("cognito:groups", "").split(","),  # a REST API passes a list as text
    )
