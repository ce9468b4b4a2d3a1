"""A link works as long as S3 would take it, for the request that it was made for, and refuses in S3's own words."""

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from ops.local.credentials import Credentials
from ops.local.emulator import CONFIG
from ops.local.presigned import LONGEST, check
from ops.local.refusals import RefusedError
from tests.ops.local.conftest import REGION
from tests.ops.local.test_post_policy import V4

BUCKET = "links"
KEY = "desktop/a b+é'&.jpg"


@pytest.fixture(scope="module")
def s3(emulator):
    client = emulator.credentials.session(REGION).client("s3", endpoint_url=emulator.endpoint, config=CONFIG.merge(V4))
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_object(Bucket=BUCKET, Key=KEY, Body=b"cat")
    return client


def link(s3, method="get_object", *, seconds=60, **more):
    return s3.generate_presigned_url(method, {"Bucket": BUCKET, "Key": KEY, **more}, ExpiresIn=seconds)


def ask(url, method="GET", body=None, **headers):
    """The status and the text of the answer."""
    request = urllib.request.Request(url, body, {n.replace("_", "-"): v for n, v in headers.items()}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_link_works_for_what_it_was_made_for(s3):
    assert ask(link(s3)) == (200, "cat")
    assert ask(link(s3), Range="bytes=0-0") == (206, "c")
    assert ask(link(s3, ResponseContentDisposition='attachment; filename="a b.jpg"')) == (200, "cat")
    assert ask(link(s3, "head_object"), "HEAD") == (200, "")
    assert ask(link(s3, "put_object", ContentType="image/jpeg"), "PUT", b"cat", Content_Type="image/jpeg")[0] == 200


def test_a_link_past_its_time_is_refused(s3):
    status, text = ask(link(s3, seconds=0))

    assert status == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in text


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
        lambda url: url.replace("desktop/", "tablet/"),
        lambda url: url.replace("127.0.0.1", "localhost"),
        lambda url: f"{url}&response-content-type=text%2Fhtml",
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
    ],
)
def test_a_link_that_somebody_changed_is_refused(s3, change):
    status, text = ask(change(link(s3)))

    assert (status, "<Code>SignatureDoesNotMatch</Code>" in text) == (403, True)


def test_a_link_for_one_method_is_none_for_another(s3):
    assert ask(link(s3), "DELETE")[0] == 403
    assert ask(link(s3), "PUT", b"dog")[0] == 403
    assert ask(link(s3)) == (200, "cat")


def test_a_header_that_was_signed_must_come(s3):
    url = link(s3, "put_object", ContentType="image/jpeg")

    assert ask(url, "PUT", b"cat", Content_Type="text/html")[0] == 403


def test_a_link_to_a_bucket_is_checked_as_well(s3):
    url = s3.generate_presigned_url("list_objects_v2", {"Bucket": BUCKET})

    assert ask(url)[0] == 200
    assert ask(f"{url}&prefix=desktop")[0] == 403


def test_a_link_with_a_signature_of_version_2_is_refused(s3, emulator):
    url = emulator.client("s3").generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": KEY})

    status, text = ask(url)

    assert (status, "<Code>InvalidRequest</Code>" in text) == (400, True)


def test_a_link_for_more_than_a_week_is_refused(s3):
    status, text = ask(link(s3, seconds=LONGEST + 1))

    assert (status, "<Code>AuthorizationQueryParametersError</Code>" in text) == (400, True)


def test_a_link_holds_until_the_second_it_names(s3, emulator):
    keys, made = emulator.credentials, datetime.now(UTC).replace(microsecond=0)
    url = link(s3, seconds=60)
    host = {"host": emulator.endpoint.removeprefix("http://")}

    check("GET", url, host, keys, now=made + timedelta(seconds=59))
    with pytest.raises(RefusedError, match="expired"):
        check("GET", url, host, keys, now=made + timedelta(seconds=62))


@pytest.mark.parametrize("name", ["X-Amz-Date", "X-Amz-Expires"])
def test_a_link_without_one_of_its_parts_is_refused(s3, emulator, name):
    url = link(s3).replace(name, "X-Other")

    with pytest.raises(RefusedError) as refused:
        check("GET", url, {}, emulator.credentials, now=datetime.now(UTC))

    assert refused.value.code == "AuthorizationQueryParametersError"


def test_a_link_of_somebody_elses_is_refused(s3):
    with pytest.raises(RefusedError) as refused:
        check("GET", link(s3), {}, Credentials.draw(), now=datetime.now(UTC))

    assert refused.value.code == "InvalidAccessKeyId"
