"""What API Gateway does between a client and a function: routes, keys, limits, and its own answers to what fails."""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.local.invocation import FunctionError, FunctionTimeoutError
from ops.local.serve.events import HttpRequest, HttpResponse, MalformedAnswerError, to_event, to_response
from ops.local.serve.routes import Routes
from ops.local.template import KEY_ID

BODY_LIMIT = 10 * 1024 * 1024  # API Gateway's
PAYLOAD_LIMIT = 6 * 1024 * 1024  # Lambda's, of an event and of an answer
STAGE = "local"


def draw_api_key() -> str:
    """A new API key, as long as API Gateway's: it keeps other programs and pages away from the user's photos."""
    return secrets.token_hex(20)


@dataclass(frozen=True)
class Gateway:
    """Answers requests as the deployed REST API would.

    Args:
        invoke: asks the function; raises `FunctionError`.
        note: told what a client is not told: why a request ended as the server's fault.
        api_key: the only key there is.
    """

    routes: Routes
    invoke: Callable[[dict[str, Any]], Any]
    note: Callable[[str], None]
    api_key: str

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The whole way of one request."""
        match = self.routes.match(request.method, request.path)
        if match is None:
            return self._own("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")  # so says AWS of no route
        given = request.header("x-api-key")
        if match.private and not hmac.compare_digest(given.encode(), self.api_key.encode()):
            return self._own("INVALID_API_KEY", "Forbidden")
        if len(request.body) > BODY_LIMIT:
            return self.too_large()
        binary = self.routes.is_binary(request.header("content-type"))
        event = to_event(request, match, api_key=given, key_id=KEY_ID, binary=binary, stage=STAGE)
        if _size(event) > PAYLOAD_LIMIT:
            return self.too_large()
        accepted = request.header("accept").partition(",")[0]  # API Gateway reads no further
        return self._from_function(event, binary=self.routes.is_binary(accepted))

    def too_large(self) -> HttpResponse:
        """The answer to a body beyond the limits."""
        return self._own("REQUEST_TOO_LARGE", "Request Too Long")

    def _from_function(self, event: dict[str, Any], *, binary: bool) -> HttpResponse:
        try:
            answer = self.invoke(event)
            if _size(answer) > PAYLOAD_LIMIT:
                raise MalformedAnswerError(f"it is larger than {PAYLOAD_LIMIT} bytes")
            return to_response(answer, binary=binary)
        except FunctionTimeoutError as error:
            return self._failed(event, "INTEGRATION_TIMEOUT", "Endpoint request timed out", error)
        except (FunctionError, MalformedAnswerError) as error:
            return self._failed(event, "API_CONFIGURATION_ERROR", "Internal server error", error)

    def _failed(self, event: dict[str, Any], kind: str, message: str, error: Exception) -> HttpResponse:
        self.note(f"{event['httpMethod']} {event['path']} failed: {error}")
        return self._own(kind, message)

    def _own(self, kind: str, message: str) -> HttpResponse:
        own = self.routes.own_answer(kind, message)
        return HttpResponse(own.status, list(own.headers.items()), own.body.encode())


def _size(document: Any) -> int:
    return len(json.dumps(document))
