"""Everything that S3 keeps under one exact key: versions, delete markers and unfinished multipart uploads.

A listing has no request for one key alone, only for a prefix: the key itself comes first, and what follows it belongs
to other objects. A bucket without versioning lists its one version as "null", and deletes it under that name.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final, Protocol

from processing.errors import Unavailable
from processing.storage.objects import SOURCE_ETAG
from processing.storage.refusals import translating_errors

UNVERSIONED: Final = "null"
UNLOCKED: Final = ("ObjectLockConfigurationNotFoundError", "NotImplemented")


class StoredKind(StrEnum):
    """What can be kept under a key."""

    VERSION = "version"
    MARKER = "delete marker"
    UPLOAD = "unfinished upload"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One of the things under a key; ``id`` is a version's, or an upload's."""

    bucket: str
    key: str
    id: str
    kind: StoredKind = StoredKind.VERSION
    etag: str = ""


class VersionStore(Protocol):
    """All that is kept in the buckets of one stage."""

    def under(self, bucket: str, key: str) -> list[StoredVersion]: ...
    def versions(self, bucket: str, key: str) -> list[StoredVersion]: ...
    def folders(self, bucket: str) -> list[str]: ...
    def source_etag(self, stored: StoredVersion) -> str: ...
    def has_locks(self, bucket: str) -> bool: ...
    def lock(self, stored: StoredVersion) -> str: ...
    def delete(self, stored: StoredVersion) -> None: ...


class S3Versions:
    """On S3, through a boto3 client that threads may share."""

    def __init__(self, client: Any) -> None:
        self._s3 = client

    def under(self, bucket: str, key: str) -> list[StoredVersion]:
        """Everything under exactly this key."""
        uploads = takewhile(lambda stored: stored.key == key, self._uploads(bucket, key))
        return [*self.versions(bucket, key), *uploads]

    def versions(self, bucket: str, key: str) -> list[StoredVersion]:
        """Every version and delete marker under exactly this key."""
        return list(takewhile(lambda stored: stored.key == key, self._versions(bucket, Prefix=key)))

    def below(self, bucket: str, prefix: str) -> list[str]:
        """Every key that begins with ``prefix``, also those of which only markers or unfinished uploads are left."""
        found = (self._versions(bucket, Prefix=prefix), self._uploads(bucket, prefix))
        return sorted({stored.key for listing in found for stored in listing})

    def folders(self, bucket: str) -> list[str]:
        """The names before the first slash of all keys in the bucket."""
        pages = self._pages("list_object_versions", Bucket=bucket, Delimiter="/")
        return [each["Prefix"].rstrip("/") for page in pages for each in page.get("CommonPrefixes", ())]

    def source_etag(self, stored: StoredVersion) -> str:
        """The version of the original that a variant was made from; empty where its metadata does not say."""
        return str(self._head(stored).get("Metadata", {}).get(SOURCE_ETAG, ""))

    def has_locks(self, bucket: str) -> bool:
        """Whether versions in the bucket can have an Object Lock."""
        try:
            with translating_errors(f"s3:GetObjectLockConfiguration {bucket}"):
                self._s3.get_object_lock_configuration(Bucket=bucket)
        except Unavailable as error:
            if error.code in UNLOCKED:
                return False
            raise
        return True

    def lock(self, stored: StoredVersion) -> str:
        """Why Object Lock keeps a version, and until when; empty where it does not: it keeps numbered versions."""
        if stored.kind is not StoredKind.VERSION or stored.id == UNVERSIONED:
            return ""
        answer = self._head(stored)
        if answer.get("ObjectLockLegalHoldStatus") == "ON":
            return "legal hold"
        if until := answer.get("ObjectLockRetainUntilDate"):
            return f"{answer.get('ObjectLockMode', '')} until {until:%Y-%m-%dT%H:%M:%SZ}"
        return ""

    def delete(self, stored: StoredVersion) -> None:
        """Delete it for good; succeeds if it is gone already."""
        where = {"Bucket": stored.bucket, "Key": stored.key}
        if stored.kind is not StoredKind.UPLOAD:
            with translating_errors(f"s3:DeleteObjectVersion {stored.key}"):
                self._s3.delete_object(**where, VersionId=stored.id)
            return
        try:
            with translating_errors(f"s3:AbortMultipartUpload {stored.key}"):
                self._s3.abort_multipart_upload(**where, UploadId=stored.id)
        except Unavailable as error:
            if error.code != "NoSuchUpload":
                raise

    def _head(self, stored: StoredVersion) -> dict[str, Any]:
        version = {} if stored.id == UNVERSIONED else {"VersionId": stored.id}  # moto knows no version of this name
        with translating_errors(f"s3:HeadObject {stored.key}"):
            answer: dict[str, Any] = self._s3.head_object(Bucket=stored.bucket, Key=stored.key, **version)
        return answer

    def _versions(self, bucket: str, **where: str) -> Iterator[StoredVersion]:
        for page in self._pages("list_object_versions", Bucket=bucket, **where):
            found = [
                StoredVersion(bucket, each["Key"], each["VersionId"], kind, each.get("ETag", "").strip('"'))
                for name, kind in (("Versions", StoredKind.VERSION), ("DeleteMarkers", StoredKind.MARKER))
                for each in page.get(name, ())
            ]
            yield from sorted(found, key=lambda stored: stored.key.encode())  # the two kinds are listed apart

    def _uploads(self, bucket: str, prefix: str) -> Iterator[StoredVersion]:
        for page in self._pages("list_multipart_uploads", Bucket=bucket, Prefix=prefix):
            for each in page.get("Uploads", ()):
                yield StoredVersion(bucket, each["Key"], each["UploadId"], StoredKind.UPLOAD)

    def _pages(self, operation: str, **request: Any) -> Iterator[dict[str, Any]]:
        pages = iter(self._s3.get_paginator(operation).paginate(**request))
        while True:
            with translating_errors(f"s3:{operation} {request['Bucket']}"):
                page = next(pages, None)
            if page is None:
                return
            yield page
