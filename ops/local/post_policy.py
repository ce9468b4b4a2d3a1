"""S3's rules for a browser's upload by POST, which moto does not play: the signed policy, and what it says of the form.

Every field of the form must be named by a condition of the policy, every condition must hold, the policy must not have
expired, and it must be signed. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ops.local.emulator import DUMMY_KEYS

UNSIGNED = ("x-amz-signature", "file", "policy")
"""Fields that no condition has to name; nor those that begin with x-ignore-."""

Answer = tuple[int, dict[str, str], str]


class RefusedError(Exception):
    """S3 does not take the upload; ``details`` are further elements of its answer."""

    def __init__(self, status: HTTPStatus, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details

    def answer(self) -> Answer:
        """What S3 sends."""
        elements = {"Code": self.code, "Message": str(self), **self.details}
        content = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in elements.items())
        xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{content}</Error>'
        return self.status, {"content-type": "application/xml"}, xml


def enforced(post: Callable[..., Answer]) -> Callable[..., Answer]:
    """moto's answer to a POST to a bucket, given only to the uploads that S3 would take."""

    @functools.wraps(post)
    def answer(response: Any, request: Any, bucket: str) -> Answer:
        if "key" in response.form_data:  # or it is no upload: POST /bucket?delete
            key = response.querystring["key"][0]  # with ${filename} filled in
            try:
                check(bucket, {**response.form_data, "key": key}, size=len(response.body), now=datetime.now(UTC))
            except RefusedError as refused:
                return refused.answer()
        return post(response, request, bucket)

    return answer


def signed_form(key: str, policy: object) -> dict[str, str]:
    """A form for ``key`` with this policy, signed with the dummy keys; the policy names those of its fields itself."""
    encoded = base64.b64encode(policy if isinstance(policy, bytes) else json.dumps(policy).encode()).decode()
    access_key, secret = DUMMY_KEYS
    scope = "20261121/eu-west-1/s3/aws4_request"
    return {
        "key": key,
        "policy": encoded,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{access_key}/{scope}",
        "x-amz-signature": sign(encoded, secret, scope),
    }


def check(bucket: str, form: Mapping[str, str], *, size: int, now: datetime) -> None:
    """See whether S3 would take a file of ``size`` bytes with this form.

    Raises:
        RefusedError: it would not.
    """
    fields = {name.lower(): value for name, value in form.items()}
    if "policy" not in fields:
        raise RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied")  # nobody's: the buckets are private
    _check_signature(fields)
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


def _check_signature(fields: Mapping[str, str]) -> None:
    if fields.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    access_key, _, scope = fields.get("x-amz-credential", "").partition("/")
    known_key, secret = DUMMY_KEYS
    if access_key != known_key:
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            AWSAccessKeyId=access_key,
        )
    if not hmac.compare_digest(sign(fields["policy"], secret, scope), fields.get("x-amz-signature", "")):
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        )


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
