"""The store's contract, for the double and for S3 in moto alike."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3.literals import StorageClassType

from processing.errors import (
    ArchivedObject,
    CustomerKeyRequired,
    ImageTooLarge,
    PreconditionFailed,
    SourceGone,
    SourceReplaced,
    Unavailable,
)
from processing.storage.objects import S3Store
from tests.processing.conftest import Bench, MotoBench, variant

KEY = "images/à la plage + b.jpg"


def test_a_fetch_returns_the_version_that_was_asked_for(bench: Bench) -> None:
    etag = bench.upload(KEY, b"pixels", "image/png")

    original = bench.store.fetch(KEY, etag, max_bytes=6)

    assert (original.body, original.content_type) == (b"pixels", "image/png")


def test_a_fetch_of_an_overwritten_version_says_that_it_was_replaced(bench: Bench) -> None:
    old = bench.upload(KEY, b"old")
    bench.upload(KEY, b"new")

    with pytest.raises(SourceReplaced):
        bench.store.fetch(KEY, old, max_bytes=100)


def test_a_fetch_of_a_removed_object_says_that_it_is_gone(bench: Bench) -> None:
    etag = bench.upload(KEY, b"old")
    bench.remove(KEY)

    with pytest.raises(SourceGone):
        bench.store.fetch(KEY, etag, max_bytes=100)


def test_a_fetch_refuses_one_byte_too_many(bench: Bench) -> None:
    etag = bench.upload(KEY, b"1234567")

    with pytest.raises(ImageTooLarge, match=r"7 bytes; the limit is 6 bytes \(limits\.bytes, or less .* memory"):
        bench.store.fetch(KEY, etag, max_bytes=6)


def test_the_source_is_known_by_its_etag_or_not_at_all(bench: Bench) -> None:
    etag = bench.upload(KEY, b"pixels")

    assert bench.store.source_etag(KEY) == etag
    assert bench.store.source_etag("images/other.jpg") is None


def test_a_first_put_writes_and_a_second_meets_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)

    with pytest.raises(PreconditionFailed):
        bench.store.put(variant("phone/a.jpg", b"two"), over=None)
    assert bench.body_of("phone/a.jpg") == b"one"


def test_a_put_over_what_was_seen_replaces_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one", source="e1"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None

    bench.store.put(variant("phone/a.jpg", b"two", source="e2", fingerprint="f2"), over=seen.etag)

    now = bench.store.variant("phone/a.jpg")
    assert now is not None
    assert (now.source_etag, now.fingerprint, bench.body_of("phone/a.jpg")) == ("e2", "f2", b"two")


@pytest.mark.parametrize("meanwhile", ["replaced", "removed"])
def test_a_put_over_what_is_no_longer_there_is_refused(bench: Bench, meanwhile: str) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None
    if meanwhile == "replaced":
        bench.store.put(variant("phone/a.jpg", b"two"), over=seen.etag)
    else:
        bench.store.delete("phone/a.jpg", etag=seen.etag)

    with pytest.raises(PreconditionFailed):
        bench.store.put(variant("phone/a.jpg", b"three"), over=seen.etag)


def test_a_variant_that_is_not_there_reads_as_none(bench: Bench) -> None:
    assert bench.store.variant("phone/a.jpg") is None


def test_a_delete_of_what_was_seen_removes_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None

    bench.store.delete("phone/a.jpg", etag=seen.etag)

    assert bench.store.variant("phone/a.jpg") is None


def test_a_delete_of_what_was_replaced_is_refused(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None
    bench.store.put(variant("phone/a.jpg", b"two"), over=seen.etag)

    with pytest.raises(PreconditionFailed):
        bench.store.delete("phone/a.jpg", etag=seen.etag)
    assert bench.body_of("phone/a.jpg") == b"two"


def test_a_delete_of_what_is_gone_is_well(bench: Bench) -> None:
    bench.store.delete("phone/a.jpg", etag="e1")

    assert bench.store.variant("phone/a.jpg") is None


class Refusing:
    """An S3 client that answers every request with a refusal: to HEAD without a body, as S3 does."""

    def __init__(self, code: str, status: int, message: str = "why") -> None:
        self._code, self._status, self._message = code, status, message

    def __getattr__(self, operation: str) -> Any:
        def refuse(**_: object) -> None:
            code, message = (str(self._status), "") if operation == "head_object" else (self._code, self._message)
            answer: Any = {"Error": {"Code": code, "Message": message}}
            raise ClientError(answer | {"ResponseMetadata": {"HTTPStatusCode": self._status}}, operation)

        return refuse


def store_on(client: Any) -> S3Store:
    return S3Store(client, uploads_bucket="uploads", variants_bucket="variants")


REQUESTS: dict[str, Callable[[S3Store], object]] = {
    "fetch": lambda store: store.fetch(KEY, "e1", max_bytes=100),
    "put": lambda store: store.put(variant("phone/a.jpg", b"one"), over=None),
    "put over": lambda store: store.put(variant("phone/a.jpg", b"one"), over="e1"),
    "delete": lambda store: store.delete("phone/a.jpg", etag="e1"),
}
LOOKS: dict[str, Callable[[S3Store], object]] = {
    "source": lambda store: store.source_etag(KEY),
    "variant": lambda store: store.variant("phone/a.jpg"),
}
SSE_C = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_bucket_that_is_gone_is_no_object_that_is_gone(aws: None, request_: Callable[[S3Store], object]) -> None:
    with pytest.raises(Unavailable) as error:
        request_(store_on(boto3.client("s3")))
    assert error.value.cause == "NoSuchBucket"


@pytest.mark.parametrize("status", [400, 403, 301])
@pytest.mark.parametrize("request_", [*REQUESTS.values(), *LOOKS.values()], ids=[*REQUESTS, *LOOKS])
def test_a_refusal_that_nobody_knows_is_unavailable_whatever_was_asked_for(
    request_: Callable[[S3Store], object], status: int
) -> None:
    with pytest.raises(Unavailable):
        request_(store_on(Refusing("NewToEverybody", status)))


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_source_that_is_archived_has_to_be_restored_first(aws: None, storage_class: StorageClassType) -> None:
    s3 = boto3.client("s3")
    for bucket in ("uploads", "variants"):
        s3.create_bucket(Bucket=bucket)
    etag = s3.put_object(Bucket="uploads", Key=KEY, Body=b"pixels", StorageClass=storage_class)["ETag"].strip('"')

    with pytest.raises(ArchivedObject, match="restore it, then redrive"):
        store_on(s3).fetch(KEY, etag, max_bytes=100)
    assert store_on(s3).source_etag(KEY) == etag


@pytest.mark.parametrize("read", [REQUESTS["fetch"], LOOKS["source"]], ids=["fetch", "source"])
def test_a_source_under_its_uploaders_key_says_so_to_get_and_head(read: Callable[[S3Store], object]) -> None:
    with pytest.raises(CustomerKeyRequired, match=r"SSE-C"):
        read(store_on(Refusing("InvalidRequest", 400, SSE_C)))


@pytest.mark.parametrize("read", [REQUESTS["fetch"], LOOKS["source"]], ids=["fetch", "source"])
@pytest.mark.parametrize(
    ("code", "message"), [("ExpiredToken", "why"), ("InvalidRequest", "Missing required header for this request")]
)
def test_a_bad_request_may_pass_and_is_known_by_its_code_even_from_head(
    read: Callable[[S3Store], object], code: str, message: str
) -> None:
    with pytest.raises(Unavailable) as error:
        read(store_on(Refusing(code, 400, message)))
    assert error.value.cause == code


@pytest.mark.parametrize("refusal", [Refusing("InvalidRequest", 400, SSE_C), Refusing("InvalidObjectState", 403)])
@pytest.mark.parametrize(
    "request_",
    [REQUESTS["put"], REQUESTS["put over"], REQUESTS["delete"], LOOKS["variant"]],
    ids=["put", "put over", "delete", "variant"],
)
def test_a_variant_that_is_refused_is_never_its_images_fault(
    request_: Callable[[S3Store], object], refusal: Refusing
) -> None:
    with pytest.raises(Unavailable):
        request_(store_on(refusal))


def test_a_variant_has_the_cache_control_that_it_was_put_with(aws: None) -> None:
    moto = MotoBench()
    moto.store.put(variant("phone/a.jpg", b"pixels"), over=None)

    answer = boto3.client("s3").head_object(Bucket="variants", Key="phone/a.jpg")

    assert answer["CacheControl"] == "public, max-age=60"
