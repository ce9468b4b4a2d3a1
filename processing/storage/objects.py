"""Objects in S3: sources fetched by their ETag, variants written and deleted on condition of their last known state.

Each method is one request. `publisher` makes the decisions.
"""

import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from botocore.exceptions import ClientError

from processing.errors import (
    ArchivedObject,
    CustomerKeyRequired,
    ImageTooLarge,
    PreconditionFailed,
    SourceGone,
    SourceReplaced,
    Unavailable,
)
from processing.storage.refusals import code_of, is_missing, status_of, translating_errors

SOURCE_ETAG: Final = "source-etag"
BYTES_SETTING: Final = "limits.bytes, or less where the parameter memory has no room for it"
FINGERPRINT: Final = "fingerprint"
DIGEST: Final = "digest"


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An uploaded object: its bytes and its Content-Type."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Published:
    """A variant that is in the bucket.

    Args:
        etag: the variant's own.
        source_etag: the version that it was made from.
        fingerprint: of the settings that it was made by.
        digest: of its bytes and its Cache-Control; under KMS, an ETag does not depend on the bytes alone.
    """

    etag: str
    source_etag: str
    fingerprint: str
    digest: str

    @classmethod
    def of(cls, etag: str, metadata: Mapping[str, str]) -> Self:
        """From an object's ETag and metadata."""
        return cls(etag, *(metadata.get(name, "") for name in (SOURCE_ETAG, FINGERPRINT, DIGEST)))


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant to be written."""

    key: str
    body: bytes
    content_type: str
    source_etag: str
    fingerprint: str
    cache: str

    @property
    def digest(self) -> str:
        """Of its bytes and its Cache-Control: 16 hex digits."""
        digest = hashlib.blake2b(self.cache.encode(), digest_size=8)
        digest.update(self.body)
        return digest.hexdigest()

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of its object."""
        return {SOURCE_ETAG: self.source_etag, FINGERPRINT: self.fingerprint, DIGEST: self.digest}


class Store(Protocol):
    """The uploads and variants buckets of one stage."""

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> SourceObject: ...
    def source_etag(self, key: str) -> str | None: ...
    def variant(self, key: str) -> Published | None: ...
    def put(self, variant: NewVariant, *, over: str | None) -> None: ...
    def delete(self, key: str, *, etag: str) -> None: ...


class S3Store:
    """The store on S3.

    Args:
        client: a boto3 S3 client.
    """

    def __init__(self, client: Any, *, uploads_bucket: str, variants_bucket: str) -> None:
        self._s3 = client
        self._uploads = uploads_bucket
        self._variants = variants_bucket

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> SourceObject:
        """Read exactly this version of an uploaded object.

        Raises:
            SourceReplaced: the bucket has another version now.
            SourceGone: the bucket has none.
            ImageTooLarge: it has more than ``max_bytes`` bytes; nothing was read.
            ArchivedObject, CustomerKeyRequired: it is not readable in its present state.
        """
        operation = f"s3:GetObject {key}"
        with translating_errors(operation):
            try:
                answer = self._s3.get_object(Bucket=self._uploads, Key=key, IfMatch=f'"{etag}"')
            except ClientError as error:
                if status_of(error) == 412:
                    raise SourceReplaced(f"{key} is no longer the version {etag}") from error
                if is_missing(error):
                    raise SourceGone(f"{key} was removed") from error
                _check_readable(error, key)
                raise
            # Not `with answer["Body"]`: that is urllib3's stream, without the checksum and botocore's own errors
            with closing(answer["Body"]) as stream:
                if (found := _etag(answer, operation)) != etag:
                    raise Unavailable("UnexpectedAnswer", operation, f"its ETag is {found}, not {etag}")
                if (length := _required(answer, "ContentLength", operation)) > max_bytes:
                    raise ImageTooLarge.above(f"{length:,} bytes", f"{max_bytes:,} bytes", BYTES_SETTING)
                return SourceObject(body=stream.read(), content_type=answer.get("ContentType", ""))

    def source_etag(self, key: str) -> str | None:
        """The version that is in the uploads bucket now; None when there is none.

        Raises:
            CustomerKeyRequired: S3 requires the uploader's key to return it.
        """
        found = self._head(self._uploads, key)
        return None if found is None else found.etag

    def variant(self, key: str) -> Published | None:
        """The variant under this key; None when there is none."""
        return self._head(self._variants, key)

    def put(self, variant: NewVariant, *, over: str | None) -> None:
        """Write a variant over the one whose ETag is ``over``, or where there is none.

        Raises:
            PreconditionFailed: the key has another object.
            Unavailable: S3 did not confirm it with an ETag.
        """
        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": f'"{over}"'}
        operation = f"s3:PutObject {variant.key}"
        with translating_errors(operation):
            try:
                answer = self._s3.put_object(
                    Bucket=self._variants,
                    Key=variant.key,
                    Body=variant.body,
                    ContentType=variant.content_type,
                    CacheControl=variant.cache,
                    Metadata=variant.metadata,
                    **condition,
                )
            except ClientError as error:
                if over is not None and is_missing(error):
                    raise PreconditionFailed(f"{variant.key} was removed meanwhile") from error
                raise
        _etag(answer, operation)

    def delete(self, key: str, *, etag: str) -> None:
        """Delete the variant whose ETag is ``etag``; succeeds if it is gone already.

        Raises:
            PreconditionFailed: the key has another object.
        """
        with translating_errors(f"s3:DeleteObject {key}"):
            try:
                self._s3.delete_object(Bucket=self._variants, Key=key, IfMatch=f'"{etag}"')
            except ClientError as error:
                if not is_missing(error):
                    raise

    def _head(self, bucket: str, key: str) -> Published | None:
        operation = f"s3:HeadObject {bucket}/{key}"
        with translating_errors(operation):
            try:
                answer = head(self._s3, bucket, key)
            except ClientError as error:
                if bucket == self._uploads:
                    _check_readable(error, key)
                raise
        if answer is None:
            return None
        return Published.of(answer["ETag"], answer.get("Metadata", {}))


def head(s3: Any, bucket: str, key: str) -> Mapping[str, Any] | None:
    """The answer of HeadObject, its ETag without quotes; None when there is no such object.

    An error response to HEAD has no body. 400 may mean SSE-C or expired credentials: a GET of one byte shows which.

    Raises:
        ClientError: S3 refused.
        Unavailable: the answer has no ETag.
    """
    try:
        answer: Mapping[str, Any] = s3.head_object(Bucket=bucket, Key=key)
        return {**answer, "ETag": _etag(answer, f"s3:HeadObject {bucket}/{key}")}
    except ClientError as error:
        if is_missing(error):
            return None
        if status_of(error) == 400:
            s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
        raise


def needs_customer_key(error: ClientError) -> bool:
    """Whether the object is encrypted with its uploader's key: InvalidRequest alone has other meanings as well."""
    return code_of(error) == "InvalidRequest" and "Server Side Encryption" in error.response["Error"].get("Message", "")


def _check_readable(error: ClientError, key: str) -> None:
    """Raises:
    ArchivedObject, CustomerKeyRequired: a retry cannot help.
    """
    if code_of(error) == "InvalidObjectState":
        raise ArchivedObject(f"{key} is archived: restore it, then redrive the message") from error
    if needs_customer_key(error):
        raise CustomerKeyRequired(
            f"{key} is encrypted with its uploader's own key (SSE-C): upload it with SSE-S3 or SSE-KMS instead"
        ) from error


def _etag(answer: Mapping[str, Any], operation: str) -> str:
    return str(_required(answer, "ETag", operation)).strip('"')


def _required(answer: Mapping[str, Any], name: str, operation: str) -> Any:
    """A field that every answer of S3 has; the answer of a proxy, or a truncated one, may not.

    Raises:
        Unavailable: the answer does not have it.
    """
    if name not in answer:
        raise Unavailable("UnexpectedAnswer", operation, f"the response has no {name}")
    return answer[name]
