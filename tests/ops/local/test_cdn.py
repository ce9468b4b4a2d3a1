"""Variants are served on loopback as CloudFront serves them."""

from collections.abc import Iterator

import boto3
import pytest
import requests
from moto import mock_aws

from ops.local.cdn import YEAR, Cdn


@pytest.fixture
def cdn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cdn]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="variants")
        s3.put_object(
            Bucket="variants",
            Key="phone/à b+c.jpg",
            Body=b"picture",
            ContentType="image/jpeg",
            CacheControl="public, max-age=60",
            Metadata={"source-etag": "secret", "fingerprint": "secret"},
        )
        server = Cdn(s3, "variants")
        yield server
        server.close()


def get(cdn: Cdn, path: str, method: str = "GET", **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, cdn.url + path, headers=headers, timeout=10)


PATH = "/phone/%C3%A0%20b%2Bc.jpg"


def test_a_bare_link_lasts_as_long_as_the_object_says_and_a_versioned_one_a_year(cdn: Cdn) -> None:
    bare, versioned = get(cdn, PATH), get(cdn, f"{PATH}?v=1")

    assert (bare.content, bare.headers["Content-Type"]) == (b"picture", "image/jpeg")
    assert bare.headers["Cache-Control"] == "public, max-age=60"
    assert (versioned.content, versioned.headers["Cache-Control"]) == (b"picture", YEAR)


def test_nothing_of_our_metadata_is_served(cdn: Cdn) -> None:
    assert "secret" not in str(get(cdn, PATH).headers)


def test_a_head_has_no_body_and_what_is_unchanged_is_not_sent_again(cdn: Cdn) -> None:
    head = get(cdn, PATH, "HEAD")
    again = get(cdn, f"{PATH}?v=1", **{"If-None-Match": head.headers["ETag"]})

    assert (head.status_code, head.content) == (200, b"")
    assert (again.status_code, again.content, again.headers["Cache-Control"]) == (304, b"", YEAR)


def test_what_is_not_there_is_refused_as_s3_does_and_not_cached(cdn: Cdn) -> None:
    missing = get(cdn, "/phone/none.jpg?v=1")

    assert missing.status_code == 403
    assert "Cache-Control" not in missing.headers


def test_pages_of_other_names_are_refused(cdn: Cdn) -> None:
    assert get(cdn, PATH, Host="evil.example.com").status_code == 403
