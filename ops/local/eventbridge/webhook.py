"""API destinations: the request that EventBridge makes, to this machine alone.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from ops.local.eventbridge.failures import UndeliveredError
from ops.local.guard import is_loopback

SECONDS: Final = 5.0
HEADERS: Final = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Amazon/EventBridge/ApiDestinations",
    "Range": "bytes=0-1048575",
}
TRIED_AGAIN: Final = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


class NotOnThisMachineError(Exception):
    """A URL leads to another machine."""


def check_url(url: str) -> str:
    """The URL, if it leads to this machine.

    Raises:
        NotOnThisMachineError: it does not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not is_loopback(parts.netloc):
        raise NotOnThisMachineError(
            f"The emulator sends nothing beyond this machine, and {url} is not on it: "
            "give a URL that begins with http://127.0.0.1:PORT or http://localhost:PORT."
        )
    return url


def post(destination: Any, connection: Any, target: Mapping[str, Any], body: str) -> None:
    """Send ``body`` once, with the connection's secret.

    Raises:
        UndeliveredError: there was no answer within five seconds, or one other than 2xx.
    """
    of_connection = connection.auth_parameters.get("InvocationHttpParameters", {})
    of_target = target.get("HttpParameters", {})
    if of_connection.get("BodyParameters") or of_target.get("PathParameterValues"):
        raise UndeliveredError("INVALID_PARAMETER", "the emulator knows no BodyParameters and no PathParameterValues")
    headers = of_target.get("HeaderParameters", {}) | _pairs(of_connection, "HeaderParameters")
    query = of_target.get("QueryStringParameters", {}) | _pairs(of_connection, "QueryStringParameters")
    with requests.Session() as client:
        client.trust_env = False
        try:
            answer = client.request(
                destination.http_method,
                destination.invocation_endpoint,
                data=body.encode(),
                headers=HEADERS | headers | _secret(connection),
                params=query,
                timeout=SECONDS,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise UndeliveredError("TIMEOUT", str(error), may_pass=True) from None
        except requests.RequestException as error:
            raise UndeliveredError("CONNECTION_FAILURE", str(error), may_pass=True) from None
    if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        may_pass = answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code in TRIED_AGAIN
        raise UndeliveredError("ERROR_FROM_TARGET", f"HTTP status {answer.status_code}", may_pass=may_pass)


def _secret(connection: Any) -> dict[str, str]:
    parameters = connection.auth_parameters
    match connection.authorization_type:
        case "API_KEY":
            key = parameters["ApiKeyAuthParameters"]
            return {key["ApiKeyName"]: key["ApiKeyValue"]}
        case "BASIC":
            basic = parameters["BasicAuthParameters"]
            pair = f"{basic['Username']}:{basic['Password']}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    raise UndeliveredError("INVALID_PARAMETER", f"the emulator knows no {connection.authorization_type}")


def _pairs(parameters: Mapping[str, Any], kind: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in parameters.get(kind, [])}
