"""S3's rules for a browser's upload by POST, which moto does not play: the signed policy, and what it says of the form.

Every field of the form must be named by a condition of the policy, every condition must hold, the policy must not have
expired, and it must be signed. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
Fields behind the file do not count. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
"""

import base64
import functools
import hashlib
import hmac
import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from ops.local.credentials import Credentials
from ops.local.refusals import Answer, RefusedError, signature_differs, unknown_access_key, unsupported_signature

UNSIGNED = ("x-amz-signature", "file", "policy")
"""Fields that no condition has to name; nor those that begin with x-ignore-."""

FORM = "multipart/form-data"
_FILE = re.compile(rb'[;\s]name="?file"?\s*(;|\r|$)', re.IGNORECASE)


def enforced(credentials: Credentials) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """moto's answer to a POST to a bucket, given only to the uploads that S3 would take."""

    def make(post: Callable[..., Answer]) -> Callable[..., Answer]:
        @functools.wraps(post)
        def answer(response: Any, request: Any, bucket: str) -> Answer:
            try:
                if "key" in response.form_data:
                    form = {**response.form_data, "key": response.querystring["key"][0]}  # ${filename} is filled in
                    check(bucket, form, credentials, size=len(response.body), now=datetime.now(UTC))
                elif request.mimetype == FORM:  # anything else is no upload: POST /bucket?delete
                    raise RefusedError(
                        HTTPStatus.BAD_REQUEST,
                        "InvalidArgument",
                        "Bucket POST must contain a field named 'key'.  "
                        "If it is specified, please check the order of the fields.",
                    )
            except RefusedError as refused:
                return refused.answer()
            return post(response, request, bucket)

        return answer

    return make


def without_late_fields(setup: Callable[..., None]) -> Callable[..., None]:
    """``S3Response.setup_class`` that reads a form up to its file, as S3 does."""

    @functools.wraps(setup)
    def cut(response: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        if request.method == "POST" and request.mimetype == FORM:
            boundary = request.mimetype_params.get("boundary", "").encode()
            body = up_to_the_file(request.environ["wsgi.input"].read(), boundary)
            request.environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            request.stream = request.environ["wsgi.input"]
        setup(response, request, *args, **kwargs)

    return cut


def up_to_the_file(body: bytes, boundary: bytes) -> bytes:
    """A multipart body that ends with the part named ``file``; unchanged when there is none."""
    delimiter = b"\r\n--" + boundary
    parts = (b"\r\n" + body).split(delimiter)
    for number, part in enumerate(parts):
        if _FILE.search(part.partition(b"\r\n\r\n")[0]):
            return delimiter.join([*parts[: number + 1], b"--\r\n"]).removeprefix(b"\r\n")
    return body


def signed_form(key: str, policy: object, credentials: Credentials) -> dict[str, str]:
    """A form for ``key`` with this policy, signed; the policy names those of its fields itself."""
    encoded = base64.b64encode(policy if isinstance(policy, bytes) else json.dumps(policy).encode()).decode()
    scope = "20261121/eu-west-1/s3/aws4_request"
    return {
        "key": key,
        "policy": encoded,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{credentials.access_key}/{scope}",
        "x-amz-signature": sign(encoded, credentials.secret, scope),
    }


def check(bucket: str, form: Mapping[str, str], credentials: Credentials, *, size: int, now: datetime) -> None:
    """See whether S3 would take a file of ``size`` bytes with this form.

    Raises:
        RefusedError: it would not.
    """
    fields = {name.lower(): value for name, value in form.items()}
    if "policy" not in fields:
        raise RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied")  # nobody's: the buckets are private
    _check_signature(fields, credentials)
    policy = _policy(fields["policy"])
    if datetime.fromisoformat(policy["expiration"]) <= now:
        raise _denied("Policy expired.")
    named = {"bucket"}
    for condition in policy["conditions"]:
        match condition:
            case ["content-length-range", low, high]:
                _check_size(size, int(low), int(high))
            case [str(operator), str(name), str(expected)]:
                named.add(name[1:].lower())
                _check_field({**fields, "bucket": bucket}, operator, name[1:], expected)
            case dict() if len(condition) == 1:
                ((name, expected),) = condition.items()
                named.add(name.lower())
                _check_field({**fields, "bucket": bucket}, "eq", name, expected)
            case _:
                raise _malformed(f"Invalid Condition: {json.dumps(condition)}")
    extra = [name for name in fields if name not in {*named, *UNSIGNED} and not name.startswith("x-ignore-")]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")


def sign(policy: str, secret: str, scope: str) -> str:
    """The signature, version 4, of a policy in base64; ``scope`` is date/region/service/aws4_request."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def _check_signature(fields: Mapping[str, str], credentials: Credentials) -> None:
    if fields.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise unsupported_signature()
    access_key, _, scope = fields.get("x-amz-credential", "").partition("/")
    if access_key != credentials.access_key:
        raise unknown_access_key(access_key)
    if not hmac.compare_digest(sign(fields["policy"], credentials.secret, scope), fields.get("x-amz-signature", "")):
        raise signature_differs()


def _policy(encoded: str) -> dict[str, Any]:
    try:
        policy: dict[str, Any] = json.loads(base64.b64decode(encoded, validate=True))
        return {"expiration": policy["expiration"], "conditions": list(policy["conditions"])}
    except (ValueError, KeyError, TypeError) as error:
        raise _malformed("Invalid Policy: it must be a JSON document with expiration and conditions") from error


def _check_size(size: int, low: int, high: int) -> None:
    if size > high:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=size,
            MaxSizeAllowed=high,
        )
    if size < low:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
            ProposedSize=size,
            MinSizeAllowed=low,
        )


def _check_field(fields: Mapping[str, str], operator: str, name: str, expected: str) -> None:
    value = fields.get(name.lower(), "")
    if operator not in ("eq", "starts-with"):
        raise _malformed(f"Invalid Condition: {operator} is unknown")
    if not (value == expected if operator == "eq" else value.startswith(expected)):
        raise _denied("Policy Condition failed: " + json.dumps([operator, f"${name}", expected]))


def _denied(cause: str) -> RefusedError:
    return RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", f"Invalid according to Policy: {cause}")


def _malformed(cause: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "InvalidPolicyDocument", cause)
