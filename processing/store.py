"""Objects in S3: originals fetched by their ETag, variants written and deleted only over what was seen.

One method is one request. Nothing here decides anything; `publisher` does.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from processing.aws import calling, status_of
from processing.errors import ImageTooLarge, PreconditionFailed, SourceGone, SourceReplaced

SOURCE_ETAG = "source-etag"
RECIPE = "recipe"


@dataclass(frozen=True, slots=True)
class Original:
    """An uploaded object's bytes, with what S3 says of them."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Published:
    """A variant as it stands in the bucket: its own ETag, and the version and recipe it was made from."""

    etag: str
    source_etag: str
    recipe: str


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant to be written."""

    key: str
    body: bytes
    content_type: str
    source_etag: str
    recipe: str


class Store(Protocol):
    """The uploads and variants buckets of one stage."""

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> Original: ...
    def source_etag(self, key: str) -> str | None: ...
    def variant(self, key: str) -> Published | None: ...
    def put(self, variant: NewVariant, *, over: str | None) -> None: ...
    def delete(self, key: str, *, etag: str) -> None: ...


class S3Store:
    """The store on S3.

    Args:
        client: an S3 client, of processing.direct or boto3's.
    """

    def __init__(self, client: Any, *, uploads_bucket: str, variants_bucket: str) -> None:
        self._s3 = client
        self._uploads = uploads_bucket
        self._variants = variants_bucket

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> Original:
        """Read exactly this version of an uploaded object.

        Raises:
            SourceReplaced: another version is there now.
            SourceGone: none is.
            ImageTooLarge: it has more than ``max_bytes`` bytes; nothing was read.
        """
        with calling(f"s3:GetObject {key}"):
            try:
                answer = self._s3.get_object(Bucket=self._uploads, Key=key, IfMatch=f'"{etag}"')
            except ClientError as error:
                if status_of(error) == 412:
                    raise SourceReplaced(f"{key} is no longer the version {etag}") from error
                if _is_missing(error):
                    raise SourceGone(f"{key} was removed") from error
                raise
            # Not `with answer["Body"]`: that gives urllib3's stream, without the checksum and botocore's own errors
            with closing(answer["Body"]) as stream:
                if answer["ContentLength"] > max_bytes:
                    raise ImageTooLarge(f"{answer['ContentLength']:,} bytes; the limit is {max_bytes:,}")
                return Original(body=stream.read(), content_type=answer.get("ContentType", ""))

    def source_etag(self, key: str) -> str | None:
        """The version that is in the uploads bucket now; None when there is none."""
        answer = self._head(self._uploads, key)
        return None if answer is None else _unquoted(answer["ETag"])

    def variant(self, key: str) -> Published | None:
        """The variant that is under this key now; None when there is none."""
        answer = self._head(self._variants, key)
        if answer is None:
            return None
        metadata = answer.get("Metadata", {})
        return Published(_unquoted(answer["ETag"]), metadata.get(SOURCE_ETAG, ""), metadata.get(RECIPE, ""))

    def put(self, variant: NewVariant, *, over: str | None) -> None:
        """Write a variant over the one whose ETag is ``over``, or where there is none.

        Raises:
            PreconditionFailed: something else is there.
        """
        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": f'"{over}"'}
        with calling(f"s3:PutObject {variant.key}"):
            try:
                self._s3.put_object(
                    Bucket=self._variants,
                    Key=variant.key,
                    Body=variant.body,
                    ContentType=variant.content_type,
                    Metadata={SOURCE_ETAG: variant.source_etag, RECIPE: variant.recipe},
                    **condition,
                )
            except ClientError as error:
                if over is not None and _is_missing(error):
                    raise PreconditionFailed(f"{variant.key} was removed meanwhile") from error
                raise

    def delete(self, key: str, *, etag: str) -> None:
        """Delete the variant whose ETag is ``etag``; one that is not there any more is well.

        Raises:
            PreconditionFailed: something else is there.
        """
        with calling(f"s3:DeleteObject {key}"):
            try:
                self._s3.delete_object(Bucket=self._variants, Key=key, IfMatch=f'"{etag}"')
            except ClientError as error:
                if not _is_missing(error):
                    raise

    def _head(self, bucket: str, key: str) -> Any:
        with calling(f"s3:HeadObject {bucket}/{key}"):
            try:
                return self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise


def _is_missing(error: ClientError) -> bool:
    # A bucket that is missing answers NoSuchBucket to all but HEAD; it must never read as "the object is gone".
    return status_of(error) == 404 and error.response["Error"].get("Code") in ("NoSuchKey", "404")


def _unquoted(etag: str) -> str:
    return etag.strip('"')
