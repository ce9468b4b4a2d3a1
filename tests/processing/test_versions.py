"""Everything under one key, on S3 as moto plays it, and on the double where it can play it."""

from typing import Any

import boto3
import pytest

from processing.errors import Unavailable
from processing.storage.objects import NewVariant
from processing.storage.versions import S3Versions, StoredKind, StoredVersion, VersionStore
from tests.doubles import MemoryStore, MemoryVersions

BUCKET = "variants"
KEYS = ("d/cat.jpg", "d/cat.jpg!", "d/cat.jpg.webp", "p/cat.jpg", "p/dog.jpg")


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture(params=["memory", "moto"])
def unversioned(request: pytest.FixtureRequest) -> VersionStore:
    """Some variants in a bucket without versioning."""
    if request.param == "memory":
        store = MemoryStore()
        for key in KEYS:
            store.put(NewVariant(key, b"x", "image/jpeg", "e1", "f", "no-store"), over=None)
        return MemoryVersions(store)
    request.getfixturevalue("aws")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x", Metadata={"source-etag": "e1"})
    return S3Versions(client)


def test_an_object_without_versions_has_one_that_can_be_deleted_twice(unversioned: VersionStore) -> None:
    (stored,) = unversioned.versions(BUCKET, "d/cat.jpg")

    assert (stored.id, stored.kind, unversioned.source_etag(stored)) == ("null", StoredKind.VERSION, "e1")
    unversioned.delete(stored)
    unversioned.delete(stored)
    assert unversioned.under(BUCKET, "d/cat.jpg") == []
    assert len(unversioned.under(BUCKET, "d/cat.jpg.webp")) == 1


def test_the_folders_are_the_names_before_the_first_slash(unversioned: VersionStore) -> None:
    assert unversioned.folders(BUCKET) == ["d", "p"]
    assert not unversioned.has_locks(BUCKET)


def test_a_bucket_of_one_kind_of_content_can_be_asked_for_what_is_below_a_prefix(unversioned: Any) -> None:
    assert unversioned.below(BUCKET, "d/cat.jpg.") == ["d/cat.jpg.webp"]


def test_versions_markers_and_unfinished_uploads_of_exactly_one_key_are_found_and_deleted(s3: Any) -> None:
    for key in ("d/cat.jpg", "d/cat.jpg", "d/cat.jpg.webp"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        s3.create_multipart_upload(Bucket=BUCKET, Key=key)
        s3.delete_object(Bucket=BUCKET, Key=key)
    versions = S3Versions(s3)

    found = versions.under(BUCKET, "d/cat.jpg")

    assert sorted(stored.kind for stored in found) == [
        *[StoredKind.MARKER] * 2,
        *[StoredKind.UPLOAD] * 2,
        *[StoredKind.VERSION] * 2,
    ]
    for stored in [*found, *found]:
        versions.delete(stored)
    assert versions.under(BUCKET, "d/cat.jpg") == []
    assert len(versions.under(BUCKET, "d/cat.jpg.webp")) == 3


def test_keys_of_which_only_an_upload_or_a_marker_is_left_are_below_a_prefix(s3: Any) -> None:
    s3.create_multipart_upload(Bucket=BUCKET, Key="d/begun")
    version = s3.put_object(Bucket=BUCKET, Key="d/marked", Body=b"x")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="d/marked")
    s3.delete_object(Bucket=BUCKET, Key="d/marked", VersionId=version)

    assert S3Versions(s3).below(BUCKET, "d/") == ["d/begun", "d/marked"]


def test_a_lock_is_named_with_its_mode_and_its_end(s3: Any) -> None:
    s3.put_object(
        Bucket=BUCKET, Key="a", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate="2030-01-01T00:00:00Z"
    )
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"x", ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=BUCKET, Key="c", Body=b"x")
    versions = S3Versions(s3)

    locks = [versions.lock(stored) for key in "abc" for stored in versions.versions(BUCKET, key)]

    assert versions.has_locks(BUCKET)
    assert locks == ["GOVERNANCE until 2030-01-01T00:00:00Z", "legal hold", ""]
    assert versions.lock(StoredVersion(BUCKET, "d", "m1", StoredKind.MARKER)) == ""


def test_a_refusal_is_not_taken_for_a_bucket_without_locks(aws: None) -> None:
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        S3Versions(boto3.client("s3")).has_locks("nowhere")
