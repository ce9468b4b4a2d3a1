"""S3, as far as the store speaks to it."""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from http.client import responses
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import FlexibleChecksumError

from processing.direct.connections import Exchange
from processing.direct.service import Service

METADATA: Final = "x-amz-meta-"
NOTHING: Final[Mapping[str, str]] = {}
HOSTABLE: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # what a certificate for *.s3.... covers

HEADERS: Final = {"ContentType": "Content-Type", "IfMatch": "If-Match", "IfNoneMatch": "If-None-Match"}
CHECKSUMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
}
"""Those that the standard library knows; an object has the one that its sender chose."""


class S3Client:
    """Four operations on objects, with boto3's parameters, answers and exceptions.

    Args:
        host: of the region's endpoint.
        by_path: name buckets in the path, as emulators want it, and not in the host.
    """

    def __init__(self, service: Service, *, host: str, by_path: bool) -> None:
        self._service = service
        self._host = host
        self._by_path = by_path

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        """Start to read an object; ``Body`` must be closed, and reads it."""
        answer = self._send("GetObject", "GET", parameters, {"x-amz-checksum-mode": "ENABLED"})
        return _facts(answer) | {"Body": Body(answer)}

    def head_object(self, **parameters: Any) -> dict[str, Any]:
        """What is known of an object."""
        return _facts(self._send("HeadObject", "HEAD", parameters))

    def put_object(self, **parameters: Any) -> dict[str, Any]:
        """Write an object."""
        return {"ETag": self._send("PutObject", "PUT", parameters).headers["ETag"]}

    def delete_object(self, **parameters: Any) -> dict[str, Any]:
        """Delete an object."""
        self._send("DeleteObject", "DELETE", parameters)
        return {}

    def _send(
        self, operation: str, method: str, parameters: Mapping[str, Any], headers: Mapping[str, str] = NOTHING
    ) -> Exchange:
        """Send what the parameters say.

        Raises:
            TypeError: they hold what this client does not know.
        """
        rest = dict(parameters)
        bucket, path, body = rest.pop("Bucket"), "/" + quote(rest.pop("Key"), safe="/~"), rest.pop("Body", b"")
        sent = {f"{METADATA}{name}": value for name, value in rest.pop("Metadata", {}).items()} | dict(headers)
        if unknown := rest.keys() - HEADERS.keys():
            raise TypeError(f"{operation} is not known here with {', '.join(sorted(unknown))}")
        sent |= {HEADERS[name]: value for name, value in rest.items()}
        if self._by_path or not HOSTABLE.fullmatch(bucket):
            host, path = self._host, f"/{bucket}{path}"
        else:
            host = f"{bucket}.{self._host}"
        return self._service.send(operation, host, method, path, sent, body, read=operation != "GetObject")


class Body:
    """What an object holds; closed before its end, its connection is given up."""

    def __init__(self, answer: Exchange) -> None:
        self._answer = answer

    def read(self) -> bytes:
        """All of it.

        Raises:
            FlexibleChecksumError: it is not what was uploaded.
            IncompleteReadError, ReadTimeoutError, ConnectionClosedError: it broke off.
        """
        body = self._answer.read()
        for name, checksum in CHECKSUMS.items():
            told = self._answer.headers.get(name, "-")
            if "-" not in told and told != (made := base64.b64encode(checksum(body)).decode()):  # "-": of parts
                raise FlexibleChecksumError(error_msg=f"{name} is {told}, and that of what was read is {made}")
        return body

    def close(self) -> None:
        """Let go of the connection."""
        self._answer.close()


def explain(status: int, body: bytes) -> dict[str, Any]:
    """What an error answer says; answers to HEAD have no body, and say their status alone."""
    from xml.etree import ElementTree  # only errors need it

    told = {"Code": str(status), "Message": responses.get(status, "")}
    if body:
        try:
            root = ElementTree.fromstring(body)  # noqa: S314 - S3's own, over TLS
        except ElementTree.ParseError:
            return {"Error": told}  # of something in between
        told |= {name: text for name in told if (text := root.findtext(name))}
    return {"Error": told}


def _facts(answer: Exchange) -> dict[str, Any]:
    headers = answer.headers
    metadata = {
        name[len(METADATA) :].lower(): value for name, value in headers.items() if name.lower().startswith(METADATA)
    }
    return {
        "ETag": headers["ETag"],
        "ContentLength": int(headers["Content-Length"]),
        "ContentType": headers.get("Content-Type", ""),
        "Metadata": metadata,
    }
