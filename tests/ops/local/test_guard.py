"""No web page reads or writes what the emulator holds, but those that the deployed bucket lets in; nor does a program
without the credentials that were drawn at its start."""

import http.client
import json
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from ops.local.emulator import CONFIG, Emulator
from ops.local.guard import is_loopback
from tests.ops.local.conftest import REGION
from tests.ops.local.test_post_policy import V4

BUCKET = "guarded"
PAGE = "http://127.0.0.1:4000"
ELSEWHERE = "https://evil.example"


@pytest.fixture(scope="module")
def s3(emulator):
    client = emulator.credentials.session(REGION).client("s3", endpoint_url=emulator.endpoint, config=CONFIG.merge(V4))
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_object(Bucket=BUCKET, Key="cat.jpg", Body=b"cat")
    rule = {
        "AllowedOrigins": [PAGE, "https://*.example.com"],
        "AllowedMethods": ["POST"],
        "AllowedHeaders": ["x-amz-*"],
        "MaxAgeSeconds": 60,
    }
    client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    return client


@pytest.fixture
def ask(emulator, s3):
    """Sends a request; its status, headers and body."""
    connection = http.client.HTTPConnection(urlsplit(emulator.endpoint).netloc, timeout=10)

    def send(method, target, body=b"", **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, names)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    yield send
    connection.close()


def target_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def link(s3):
    return target_of(s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "cat.jpg"}))


@pytest.fixture
def signed(emulator):
    """A header with the emulator's access key, as a request of boto3's has it."""
    scope = f"{emulator.credentials.access_key}/20261121/{REGION}/s3/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4000", "localhost:4000", "LOCALHOST", "[::1]:4000"])
def test_this_machine_has_three_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "localhost:x"]
)
def test_a_page_that_gives_its_own_name_to_this_machine_is_refused(ask, signed, link, host):
    assert ask("GET", link, **signed, Host=host)[0] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "http://127.0.0.1:40000", "https://example.com", ""])
def test_a_simple_request_of_a_page_of_another_origin_is_refused(ask, s3, signed, method, origin):
    status, headers, _ = ask(method, f"/{BUCKET}/cat.jpg", b"dog", **signed, Origin=origin)

    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers
    assert s3.get_object(Bucket=BUCKET, Key="cat.jpg")["Body"].read() == b"cat"


def test_a_form_of_a_page_of_another_origin_is_refused(ask, s3):
    kind = {"Content_Type": "multipart/form-data; boundary=b"}

    assert ask("POST", f"/{BUCKET}", b"--b--\r\n", **kind, Origin=PAGE)[0] == 400
    assert ask("POST", f"/{BUCKET}", b"--b--\r\n", **kind, Origin=ELSEWHERE)[0] == 403


@pytest.mark.parametrize("origin", [PAGE, "https://photos.example.com"])
def test_the_page_may_post_as_the_deployed_bucket_says(ask, origin):
    asked = {"Origin": origin, "Access_Control_Request_Method": "POST"}

    status, headers, _ = ask("OPTIONS", f"/{BUCKET}", **asked, Access_Control_Request_Headers="x-amz-date")

    assert (status, headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Allow-Headers"] == "x-amz-date"
    assert headers["Access-Control-Max-Age"] == "60"
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": ELSEWHERE},
        {"Access_Control_Request_Method": "PUT"},
        {"Access_Control_Request_Headers": "x-other"},
    ],
)
def test_a_preflight_for_what_no_rule_allows_is_refused(ask, change):
    asked = {"Origin": PAGE, "Access_Control_Request_Method": "POST"} | change

    status, headers, text = ask("OPTIONS", f"/{BUCKET}", **asked)

    assert status == 403
    assert "CORSResponse: This CORS request is not allowed" in text
    assert "Access-Control-Allow-Origin" not in headers


def test_an_answer_to_the_page_says_that_it_may_read_it(ask, signed):
    _, headers, _ = ask(
        "POST", f"/{BUCKET}?delete", b"<Delete><Object><Key>none</Key></Object></Delete>", **signed, Origin=PAGE
    )

    assert headers["Access-Control-Allow-Origin"] == PAGE


def test_an_answer_without_an_origin_says_nothing_of_origins(ask, link):
    status, headers, text = ask("GET", link)

    assert (status, text) == (200, "cat")
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "target", [f"/{BUCKET}", f"/{BUCKET}/cat.jpg", "/", "/moto-api/data.json", "/latest/api/token"]
)
def test_a_request_that_nobody_signed_is_refused(ask, target):
    status, _, text = ask("GET", target)

    assert status == 403
    assert "<Code>AccessDenied</Code>" in text


def test_nothing_is_emptied_by_a_page(ask, s3):
    kind = {"Content_Type": "multipart/form-data; boundary=b"}

    for target in ("/moto-api/reset", "/moto-api", f"/{BUCKET}?delete", f"/{BUCKET}/cat.jpg"):
        assert ask("POST", target, b"--b--\r\n", **kind)[0] == 403
    assert s3.head_object(Bucket=BUCKET, Key="cat.jpg")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sqs", "list_queues", "UnrecognizedClientException"),
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("cloudformation", "list_stacks", "InvalidClientTokenId"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
    ],
)
def test_an_access_key_of_another_start_is_refused(emulator, tmp_path, service, operation, code):
    other = Emulator(region=REGION, log=tmp_path / "emulator.log").credentials
    session = boto3.session.Session(other.access_key, other.secret, region_name=REGION)
    client = session.client(service, endpoint_url=emulator.endpoint, config=CONFIG)

    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()

    assert refused.value.response["Error"]["Code"] == code


def test_a_link_with_another_access_key_is_refused(ask, emulator, link):
    _, _, text = ask("GET", link.replace(emulator.credentials.access_key, "AKIAIOSFODNN7EXAMPLE"))

    assert "<Code>InvalidAccessKeyId</Code>" in text


def test_a_refusal_in_json_names_its_type(ask):
    status, _, text = ask("POST", "/", b"{}", X_Amz_Target="DynamoDB_20120810.ListTables")

    assert (status, json.loads(text)["__type"]) == (403, "UnrecognizedClientException")


def test_each_start_draws_its_own_credentials(tmp_path):
    drawn = {Emulator(region=REGION, log=tmp_path / "log").credentials for _ in range(20)}

    assert len({each.access_key for each in drawn} | {each.secret for each in drawn}) == 40
