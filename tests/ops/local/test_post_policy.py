"""The emulator's S3 takes an upload by POST only as its signed policy says, and refuses in S3's own words."""

import base64
import json
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config

from ops.local.credentials import Credentials
from ops.local.emulator import CONFIG
from ops.local.post_policy import check, signed_form
from ops.local.refusals import RefusedError

BUCKET = "forms"
KEY = "images/2026-11-21/cat.png"
BODY = b"x" * 100
REGION = "eu-west-1"
KEYS = Credentials.draw()
V4 = Config(signature_version="s3v4")  # without it boto3 signs forms as in 2006, and S3 refuses those by now


@pytest.fixture(scope="module")
def s3(emulator):
    client = emulator.credentials.session(REGION).client("s3", endpoint_url=emulator.endpoint, config=CONFIG.merge(V4))
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


@pytest.fixture
def form(s3):
    """A form for one key, one type and at most as many bytes as BODY has."""
    return s3.generate_presigned_post(
        BUCKET,
        KEY,
        Fields={"Content-Type": "image/png"},
        Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 2, len(BODY)]],
        ExpiresIn=60,
    )


def send(url, fields, body, late=None):
    """POST the form as a browser does, with ``late`` fields behind the file; the status and the text of the answer."""
    boundary = uuid.uuid4().hex
    parts, behind = (
        "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in some.items()
        )
        for some in (fields, late or {})
    )
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="cat.png"\r\n'
        f"Content-Type: image/png\r\n\r\n"
    )
    content = parts.encode() + file.encode() + body + f"\r\n{behind}--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_form_that_keeps_to_its_policy_is_taken_with_its_content_type(s3, form):
    assert send(form["url"], form["fields"], BODY) == (204, "")

    stored = s3.get_object(Bucket=BUCKET, Key=KEY)
    assert stored["Body"].read() == BODY
    assert stored["ContentType"] == "image/png"


def test_one_byte_too_many_is_refused(form):
    status, text = send(form["url"], form["fields"], BODY + b"x")

    assert status == 400
    assert "<Code>EntityTooLarge</Code>" in text
    assert "<ProposedSize>101</ProposedSize><MaxSizeAllowed>100</MaxSizeAllowed>" in text


def test_one_byte_too_few_is_refused(form):
    status, text = send(form["url"], form["fields"], b"x")

    assert status == 400
    assert "<Code>EntityTooSmall</Code>" in text


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"Content-Type": "text/html"}, 'Policy Condition failed: ["eq", "$Content-Type", "image/png"]'),
        ({"key": "images/other.png"}, f'Policy Condition failed: ["eq", "$key", "{KEY}"]'),
        ({"key": "${filename}"}, f'Policy Condition failed: ["eq", "$key", "{KEY}"]'),
        ({"acl": "public-read"}, "Extra input fields: acl"),
        ({"x-amz-meta-owner": "me"}, "Extra input fields: x-amz-meta-owner"),
        ({"success_action_status": "201"}, "Extra input fields: success_action_status"),
    ],
)
def test_a_field_that_the_policy_does_not_allow_is_refused(s3, form, change, cause):
    status, text = send(form["url"], form["fields"] | change, BODY)

    assert status == 403
    assert f"<Code>AccessDenied</Code><Message>Invalid according to Policy: {cause}</Message>" in text


def test_a_field_that_the_policy_asks_for_must_be_there(form):
    fields = {name: value for name, value in form["fields"].items() if name != "Content-Type"}

    assert send(form["url"], fields, BODY)[0] == 403


def test_nothing_of_a_refused_upload_is_stored(s3, form):
    s3.delete_object(Bucket=BUCKET, Key=KEY)

    send(form["url"], form["fields"], BODY + b"x")

    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=KEY)["KeyCount"] == 0


def test_a_form_for_another_bucket_is_refused(s3, form):
    s3.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    status, text = send(form["url"].replace(BUCKET, "another"), form["fields"], BODY)

    assert status == 403
    assert f'["eq", "$bucket", "{BUCKET}"]' in text


def test_a_form_past_its_time_is_refused(s3):
    form = s3.generate_presigned_post(BUCKET, KEY, ExpiresIn=-1)

    status, text = send(form["url"], form["fields"], BODY)

    assert status == 403
    assert "Invalid according to Policy: Policy expired." in text


def test_a_policy_that_somebody_changed_is_refused(form):
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    policy["conditions"] = [c for c in policy["conditions"] if "content-length-range" not in c]
    changed = form["fields"] | {"policy": base64.b64encode(json.dumps(policy).encode()).decode()}

    status, text = send(form["url"], changed, BODY + b"x")

    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x-amz-credential": "somebody/20261121/eu-west-1/s3/aws4_request"}, "InvalidAccessKeyId"),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, "InvalidRequest"),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
    ],
)
def test_a_form_that_nobody_signed_is_refused(form, change, code):
    assert f"<Code>{code}</Code>" in send(form["url"], form["fields"] | change, BODY)[1]


def test_fields_behind_the_file_do_not_count(s3, form):
    """A page that appends them there works on no real bucket."""
    late = {name: form["fields"][name] for name in ("x-amz-signature", "policy")}
    early = {name: value for name, value in form["fields"].items() if name not in late}

    status, text = send(form["url"], early, BODY, late)

    assert (status, "<Code>AccessDenied</Code>" in text) == (403, True)


def test_what_is_not_in_the_policy_may_stand_behind_the_file(s3, form):
    assert send(form["url"], form["fields"], BODY, {"submit": "Upload"})[0] == 204


def test_a_key_behind_the_file_is_missing(form):
    early = {name: value for name, value in form["fields"].items() if name != "key"}

    status, text = send(form["url"], early, BODY, {"key": KEY})

    assert status == 400
    assert "<Code>InvalidArgument</Code>" in text
    assert "check the order of the fields" in text


def test_an_upload_without_a_policy_is_refused(form):
    status, text = send(form["url"], {"key": KEY}, BODY)

    assert status == 403
    assert "<Code>AccessDenied</Code>" in text


def test_a_form_with_a_signature_of_version_2_is_refused(s3, emulator):
    form = emulator.client("s3").generate_presigned_post(BUCKET, KEY)

    assert "<Code>InvalidRequest</Code>" in send(form["url"], form["fields"], BODY)[1]


def test_deleting_many_objects_is_no_upload(s3):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")

    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}]})

    assert [deleted["Key"] for deleted in answer["Deleted"]] == ["a"]


NAMED = [["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""]]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_policy(*conditions, seconds=60):
    until = (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return signed_form("a/b.png", {"expiration": until, "conditions": [*NAMED, *conditions]}, KEYS)


def test_a_key_may_be_free_below_a_prefix():
    check(BUCKET, a_policy(["starts-with", "$key", "a/"]), KEYS, size=1, now=NOW)

    with pytest.raises(RefusedError, match='"starts-with", "\\$key", "c/"'):
        check(BUCKET, a_policy(["starts-with", "$key", "c/"]), KEYS, size=1, now=NOW)


def test_a_policy_holds_until_the_second_it_names():
    check(BUCKET, a_policy({"key": "a/b.png"}, seconds=1), KEYS, size=1, now=NOW)

    with pytest.raises(RefusedError, match="expired"):
        check(BUCKET, a_policy({"key": "a/b.png"}, seconds=0), KEYS, size=1, now=NOW)


def test_fields_that_are_to_be_ignored_need_no_condition():
    check(BUCKET, a_policy({"key": "a/b.png"}) | {"X-Ignore-This": "x"}, KEYS, size=1, now=NOW)


@pytest.mark.parametrize("policy", [b"nonsense", {}, {"expiration": "2026-11-22T00:00:00Z"}])
def test_a_policy_that_cannot_be_read_is_refused(policy):
    with pytest.raises(RefusedError) as refused:
        check(BUCKET, signed_form("a/b.png", policy, KEYS), KEYS, size=1, now=NOW)

    assert refused.value.code == "InvalidPolicyDocument"


@pytest.mark.parametrize("condition", [["like", "$key", "a"], ["eq", "$key"], {"a": "b", "c": "d"}, "key"])
def test_a_condition_that_s3_does_not_know_is_refused(condition):
    with pytest.raises(RefusedError) as refused:
        check(BUCKET, a_policy({"key": "a/b.png"}, condition), KEYS, size=1, now=NOW)

    assert refused.value.code == "InvalidPolicyDocument"
