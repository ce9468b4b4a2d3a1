"""S3's checks of a presigned link, which moto does not play: the signature, and how long it is good for.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import functools
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import botocore.credentials
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from ops.local.credentials import Credentials
from ops.local.refusals import Answer, RefusedError, signature_differs, unknown_access_key, unsupported_signature

LONGEST: Final = 7 * 24 * 60 * 60  # seconds


def enforced(credentials: Credentials) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """moto's answer to a request for an object, given only to links that S3 would take."""

    def make(respond: Callable[..., Answer]) -> Callable[..., Answer]:
        @functools.wraps(respond)
        def answer(response: Any, request: Any, *args: Any, **kwargs: Any) -> Answer:
            try:
                check(request.method, request.raw_url, request.headers, credentials, now=datetime.now(UTC))
            except RefusedError as refused:
                return refused.answer()
            return respond(response, request, *args, **kwargs)

        return answer

    return make


def check(method: str, url: str, headers: Mapping[str, str], credentials: Credentials, *, now: datetime) -> None:
    """See whether S3 would take a request by this link; one that is signed in its headers is no link.

    Raises:
        RefusedError: it would not.
    """
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if "Signature" in query:
        raise unsupported_signature()
    if "X-Amz-Signature" not in query:
        return
    access_key, _, scope = query.get("X-Amz-Credential", "").partition("/")
    if access_key != credentials.access_key:
        raise unknown_access_key(access_key)
    try:
        signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lives = int(query["X-Amz-Expires"])
        _day, region, service, _end = scope.split("/")
    except (KeyError, ValueError) as error:
        raise _malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        ) from error
    if lives > LONGEST:
        raise _malformed(f"X-Amz-Expires must be less than a week (in seconds); that is, less than {LONGEST} seconds")
    if now >= signed + timedelta(seconds=lives):
        raise RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", "Request has expired", ServerTime=now.isoformat())
    names = query.get("X-Amz-SignedHeaders", "").split(";")
    covered = {name: headers.get(name, "") for name in names}
    if not hmac.compare_digest(
        _signature(method, url, covered, (credentials, region, service)), query["X-Amz-Signature"]
    ):
        raise signature_differs()


def _signature(method: str, url: str, headers: Mapping[str, str], signer: tuple[Credentials, str, str]) -> str:
    """The signature that botocore gives to a request like this one."""
    credentials, region, service = signer
    parts = urlsplit(url)
    kept = [each for each in parts.query.split("&") if not each.startswith("X-Amz-Signature=")]
    request = AWSRequest(method, parts._replace(query="&".join(kept)).geturl(), headers=dict(headers))
    request.context["timestamp"] = dict(parse_qsl(parts.query))["X-Amz-Date"]
    keys = botocore.credentials.Credentials(credentials.access_key, credentials.secret)
    auth = S3SigV4QueryAuth(keys, service, region)
    signature: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return signature


def _malformed(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "AuthorizationQueryParametersError", message)
