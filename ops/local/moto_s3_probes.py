"""Whether moto's S3 does by now what a patch adds: as in ``moto_probes``, with a bucket that is gone afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from moto.moto_server.werkzeug_app import create_backend_app

from ops.local.credentials import Credentials
from ops.local.moto_probes import PLACE
from ops.local.post_policy import signed_form

Ask = Callable[..., Any]
"""A request by its method and its target; returns the answer."""

BY_NOBODY: Final[dict[str, str]] = {}
BY_SOMEBODY: Final = {"Authorization": "AWS4-HMAC-SHA256 Credential=probe/20261121/us-east-1/s3/aws4_request"}


def checks_presigned_posts(credentials: Credentials) -> bool:
    """Whether S3 refuses a form that has expired, and a file that is larger than its form allows."""
    policies = (
        {"expiration": "2006-01-01T00:00:00Z", "conditions": []},
        {"expiration": "9999-01-01T00:00:00Z", "conditions": [["content-length-range", 1, 1]]},
    )
    with _bucket() as ask:
        forms = [signed_form("key", policy, credentials) | {"file": "12"} for policy in policies]
        answers = [ask("POST", "/probe", data=form, headers=BY_NOBODY).status_code for form in forms]
    return answers == [HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST]


def ends_a_form_with_its_file() -> bool:
    """Whether S3 leaves out the fields that stand behind the file."""
    fields = ("key", "key"), ("file", "12"), ("x-amz-meta-late", "1")
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    form = {"data": "".join([*parts, "--b--\r\n"]), "content_type": "multipart/form-data; boundary=b"}
    with _bucket() as ask:
        ask("POST", "/probe", headers=BY_NOBODY, **form)
        return "x-amz-meta-late" not in ask("HEAD", "/probe/key").headers


def checks_presigned_links() -> bool:
    """Whether S3 refuses a link that has expired, and that nobody has signed."""
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"probe/20060101/{PLACE[0]}/s3/aws4_request",
        "X-Amz-Date": "20060101T000000Z",
        "X-Amz-Expires": "1",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0",
    }
    with _bucket() as ask:
        ask("PUT", "/probe/key", data=b"x")
        answer = ask("GET", "/probe/key", query_string=query, headers=BY_NOBODY)
    return bool(answer.status_code == HTTPStatus.FORBIDDEN)


def limits_keys() -> bool:
    """Whether S3 refuses a key of 1,025 bytes."""
    with _bucket() as ask:
        return bool(ask("PUT", f"/probe/{'k' * 1025}", data=b"x").status_code == HTTPStatus.BAD_REQUEST)


def names_no_null_version() -> bool:
    """Whether S3 names no version of an object that was uploaded in parts."""
    with _bucket() as ask:
        begun = ask("POST", "/probe/key", query_string="uploads").get_data(as_text=True)
        upload = begun.partition("<UploadId>")[2].partition("</UploadId>")[0]
        etag = ask("PUT", "/probe/key", data=b"x", query_string={"uploadId": upload, "partNumber": 1}).headers["ETag"]
        parts = f"<P><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></P>"
        answer = ask("POST", "/probe/key", data=parts, query_string={"uploadId": upload})
    return "x-amz-version-id" not in answer.headers


@contextmanager
def _bucket() -> Iterator[Ask]:
    client = create_backend_app("s3").test_client()

    def ask(method: str, target: str, headers: dict[str, str] = BY_SOMEBODY, **more: Any) -> Any:
        return client.open(target, method=method, base_url="http://127.0.0.1", headers=headers, **more)

    ask("PUT", "/probe")
    try:
        yield ask
    finally:
        for key in ("key", "k" * 1025):
            ask("DELETE", f"/probe/{key}")
        ask("DELETE", "/probe")
