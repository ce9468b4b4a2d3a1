"""DynamoDB, as far as the ledger speaks to it."""

import json
from http.client import responses
from typing import Any, Final

from processing.direct.service import Service

TARGET: Final = "DynamoDB_20120810"


class DynamoClient:
    """One operation, with boto3's parameters, answers and exceptions.

    Args:
        host: of the region's endpoint.
    """

    def __init__(self, service: Service, *, host: str) -> None:
        self._service = service
        self._host = host

    def update_item(self, **parameters: Any) -> dict[str, Any]:
        """Write one item, under a condition."""
        headers = {"X-Amz-Target": f"{TARGET}.UpdateItem", "Content-Type": "application/x-amz-json-1.0"}
        body = json.dumps(parameters).encode()
        answer: dict[str, Any] = json.loads(
            self._service.send("UpdateItem", self._host, "POST", "/", headers, body).read()
        )
        return answer


def explain(status: int, body: bytes) -> dict[str, Any]:
    """What an error answer says: its code and message, and beside them whatever else it holds, such as ``Item``."""
    try:
        told = json.loads(body)
        code, message = told.pop("__type"), told.pop("message", None) or told.pop("Message", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"Error": {"Code": str(status), "Message": responses.get(status, "")}}  # of something in between
    return {**told, "Error": {"Code": code.rpartition("#")[2], "Message": message}}
