"""Every request is the one that botocore would have sent, to the last byte of its signature."""

import calendar
import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from processing.direct import DynamoClient, S3Client
from processing.direct.service import Service
from processing.direct.signature import Credentials, Signer

KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = "IQoJb3JpZ2luX2VjEJ//////////" * 10 + "=="
REGION = "eu-central-1"
CONFIG = Config(
    user_agent="darkroom",
    parameter_validation=False,
    request_checksum_calculation="when_required",
    s3={"us_east_1_regional_endpoint": "regional"},
)
THEIR_OWN = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "content-length", "expect"}
"""Unsigned: what botocore tells of itself, what http.client adds for us, and to be asked before a body is sent."""


@dataclass
class Sent:
    """A request as it goes out."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Recorder:
    """In the place of connections: nothing is sent, and every answer is empty."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def exchange(self, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        lower = {name.lower(): value for name, value in headers.items()}
        assert lower.pop("host") == host
        self.sent.append(Sent(method, f"https://{host}{path}", lower, body))
        return Empty()


class Empty:
    status = 200

    def __init__(self) -> None:
        self.headers = HTTPMessage()
        self.headers["ETag"], self.headers["Content-Length"] = '"e"', "0"

    def read(self) -> bytes:
        return b"{}"

    def close(self) -> None:
        """Nothing is open."""


class Raw(io.BytesIO):
    def stream(self) -> Any:
        yield self.read()


def ours(moment: float, region: str, token: str = TOKEN) -> tuple[Recorder, dict[str, Any]]:
    recorder = Recorder()

    def service(name: str) -> Service:
        signer = Signer(Credentials(*KEYS, token), region=region, service=name, clock=lambda: moment)
        return Service(signer, recorder, explain=lambda *_: {})  # type: ignore[arg-type]

    return recorder, {
        "s3": S3Client(service("s3"), host=f"s3.{region}.{suffix(region)}", by_path=False),
        "dynamodb": DynamoClient(service("dynamodb"), host=f"dynamodb.{region}.{suffix(region)}"),
    }


def suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def botocores(service: str, region: str = REGION, token: str | None = TOKEN) -> tuple[list[Sent], Any]:
    """A client that records what it would send."""
    sent: list[Sent] = []
    session = boto3.session.Session(*KEYS, token, region_name=region)
    client = session.client(service, config=CONFIG)

    def record(request: Any, **_: Any) -> AWSResponse:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body
        body = body.read() if hasattr(body, "read") else body or b""
        sent.append(Sent(request.method, request.url, headers, body))
        return AWSResponse(
            request.url, 200, {"content-length": "0", "ETag": '"e"'}, Raw(b"{}" if service != "s3" else b"")
        )

    client.meta.events.register("before-send", record)
    return sent, client


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.fixture(scope="module")
def theirs() -> Callable[[str], tuple[list[Sent], Any]]:
    made = {service: botocores(service) for service in ("s3", "dynamodb")}
    return made.__getitem__


def compare(theirs: tuple[list[Sent], Any], service: str, method: str, region: str = REGION, **parameters: Any) -> None:
    sent, client = theirs
    getattr(client, method)(**parameters)
    expected = sent.pop()
    moment = calendar.timegm(time.strptime(expected.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))
    recorder, clients = ours(moment, region, expected.headers.get("x-amz-security-token", ""))
    getattr(clients[service], method)(**parameters)
    (made,) = recorder.sent
    told = {name: value for name, value in expected.headers.items() if name not in THEIR_OWN}

    assert made.headers.pop("user-agent") == "darkroom"
    assert made.headers.pop("authorization") == told.pop("authorization")
    assert made.headers == told
    assert (made.method, made.url, made.body) == (expected.method, expected.url, expected.body)


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda key: not {".", ".."} & set(key.split("/"))  # naming.py rejects these
)
buckets = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True).filter(
    lambda name: (
        not name.startswith("xn--") and not name.endswith(("-s3alias", "--x-s3", "--ol-s3", "--table-s3", "-an"))
    )
)
etags = st.from_regex(r'"[0-9a-f]{32}(-[0-9]{1,4})?"', fullmatch=True)
words = st.from_regex(r"[A-Za-z0-9/+ .;=-]{0,30}[A-Za-z0-9]", fullmatch=True)


@given(bucket=buckets, key=keys, etag=etags)
def test_gets_and_deletes_are_botocores(theirs: Any, bucket: str, key: str, etag: str) -> None:
    compare(theirs("s3"), "s3", "get_object", Bucket=bucket, Key=key, IfMatch=etag)
    compare(theirs("s3"), "s3", "delete_object", Bucket=bucket, Key=key, IfMatch=etag)


@given(bucket=buckets, key=keys)
def test_heads_are_botocores(theirs: Any, bucket: str, key: str) -> None:
    compare(theirs("s3"), "s3", "head_object", Bucket=bucket, Key=key)


@given(bucket=buckets, key=keys, body=st.binary(max_size=100), about=words, etag=st.none() | etags)
def test_puts_are_botocores(theirs: Any, bucket: str, key: str, body: bytes, about: str, etag: str | None) -> None:
    condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
    compare(
        theirs("s3"),
        "s3",
        "put_object",
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="image/jpeg",
        Metadata={"source-etag": about, "recipe": "0123456789ab"},
        **condition,
    )


@given(text=st.text(st.characters(exclude_categories=["Cs"])), number=st.integers())
def test_updates_are_botocores(theirs: Any, text: str, number: int) -> None:
    values = {
        ":a": {"S": text},
        ":n": {"N": str(number)},
        ":l": {"L": [{"M": {"x": {"BOOL": True}, "y": {"NULL": True}}}]},
    }
    compare(
        theirs("dynamodb"),
        "dynamodb",
        "update_item",
        TableName="images",
        Key={"object": {"S": f"uploads/{text}"}, "etag": {"S": "e1"}},
        UpdateExpression="SET #a = :a, #n = :n, #l = :l",
        ConditionExpression="attribute_not_exists(#a)",
        ExpressionAttributeNames={"#a": "a", "#n": "n", "#l": "l"},
        ExpressionAttributeValues=values,
        ReturnValues="ALL_OLD",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


@pytest.mark.parametrize("bucket", ["with.dots", "with_underscore", "Capitals", "xy", "a" * 64])
def test_a_bucket_that_is_no_hosts_name_is_named_in_the_path(theirs: Any, bucket: str) -> None:
    compare(theirs("s3"), "s3", "head_object", Bucket=bucket, Key="images/a.jpg")


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-west-2", "us-gov-west-1", "cn-north-1", "ap-southeast-7", "mx-central-1"]
)
def test_every_region_has_botocores_endpoint(region: str) -> None:
    compare(botocores("s3", region), "s3", "head_object", region, Bucket="uploads", Key="a.jpg")
    compare(botocores("dynamodb", region), "dynamodb", "update_item", region, TableName="images")


def test_keys_without_a_token_sign_as_botocores_do() -> None:
    compare(botocores("s3", token=None), "s3", "head_object", Bucket="uploads", Key="a.jpg")


def test_the_trace_of_an_invocation_goes_along_unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda finds a function that feeds itself by it."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:ä|x:0"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    sent, client = botocores("s3")
    client.head_object(Bucket="uploads", Key="a.jpg")
    recorder, clients = ours(0, REGION)
    clients["s3"]._service._trace = lambda: trace

    clients["s3"].head_object(Bucket="uploads", Key="a.jpg")

    assert recorder.sent[0].headers["x-amzn-trace-id"] == sent[0].headers["x-amzn-trace-id"]
    assert "x-amzn-trace-id" not in recorder.sent[0].headers["authorization"]
