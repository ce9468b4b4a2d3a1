"""The objects in S3: presigned POSTs for one file each, links to originals and variants, direct uploads, small bodies.

A presigned POST and a link are signed here without a request; S3 checks their conditions when they are used.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError

from processing.errors import PreconditionFailed
from processing.ledger import VariantRecord
from processing.links import cdn_link
from processing.storage.refusals import is_missing, translating_errors

MAX_CACHED_LINKS: Final = 2_000  # of a kilobyte or two each
MAX_NAME_IN_LINK: Final = 100  # characters, the last ones; each may take 20 in the URL
SHOWN, SAVED = "inline", "attachment"  # what a browser does with the file at a link


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """The URL to which a client posts a file, and the form fields before it."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UploadedObject:
    """The current version of an uploaded object; ``uploaded_at`` in seconds since the epoch.

    ``content_type`` is None in a listing, which does not have it.
    """

    etag: str
    content_type: str | None
    size: int
    uploaded_at: float


class Objects:
    """The uploads bucket and the variants bucket.

    Args:
        client: a boto3 S3 client that signs with version 4: version 2 ignores the conditions of a presigned POST.
        upload_seconds, link_seconds: the lifetime of presigned POSTs and links; the credentials must last longer.
        cdn: scheme and host of a CDN in front of the variants bucket; "" for none.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        client: Any,
        *,
        uploads_bucket: str,
        variants_bucket: str,
        upload_seconds: int,
        link_seconds: int,
        clock: Callable[[], float],
        cdn: str = "",
    ) -> None:
        self._s3 = client
        self._uploads = uploads_bucket
        self._variants = variants_bucket
        self._upload_seconds = upload_seconds
        self._link_seconds = link_seconds
        self._cdn = cdn
        self._clock = clock
        self._signed = lru_cache(MAX_CACHED_LINKS)(self._sign)

    def presigned_post(self, key: str, content_type: str, size: int) -> PresignedPost:
        """A presigned POST for one file: with this key, this content type and this number of bytes.

        S3 counts the bytes of the file alone, and both ends of the range are inclusive:
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
        """
        with translating_errors(f"sign s3:PostObject {key}"):
            answer = self._s3.generate_presigned_post(
                self._uploads,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", size, size]],
                ExpiresIn=self._upload_seconds,
            )
        return PresignedPost(answer["url"], answer["fields"])

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store a file under a new key."""
        with translating_errors(f"s3:PutObject {key}"):
            self._s3.put_object(Bucket=self._uploads, Key=key, Body=body, ContentType=content_type)

    def put_new(self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]) -> bool:
        """Store a file under a key, unless there is one already; whether it was stored."""
        try:
            with translating_errors(f"s3:PutObject {key}"):
                self._s3.put_object(
                    Bucket=self._uploads,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata=metadata,
                    IfNoneMatch="*",
                )
        except PreconditionFailed:
            return False
        return True

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """What was written beside an uploaded object; None if there is none any more, or not yet."""
        with translating_errors(f"s3:HeadObject {key}"):
            try:
                found: Mapping[str, str] = self._s3.head_object(Bucket=self._uploads, Key=key)["Metadata"]
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return found

    def source(self, key: str) -> UploadedObject | None:
        """The current version of an uploaded object; None if there is none."""
        with translating_errors(f"s3:HeadObject {key}"):
            try:
                head = self._s3.head_object(Bucket=self._uploads, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return UploadedObject(
            etag=head["ETag"].strip('"'),
            content_type=head.get("ContentType"),
            size=head["ContentLength"],
            uploaded_at=head["LastModified"].timestamp(),
        )

    def below(self, prefix: str, *, after: str, limit: int) -> tuple[dict[str, UploadedObject], bool]:
        """Uploaded objects by their keys, which begin with the prefix and come after a key; and whether there are more.

        S3 compares keys by their bytes in UTF-8.
        """
        with translating_errors(f"s3:ListObjectsV2 {prefix}"):
            start = {"StartAfter": after} if after else {}
            answer = self._s3.list_objects_v2(Bucket=self._uploads, Prefix=prefix, MaxKeys=limit, **start)
        found = {
            each["Key"]: UploadedObject(
                etag=each["ETag"].strip('"'),
                content_type=None,
                size=each["Size"],
                uploaded_at=each["LastModified"].timestamp(),
            )
            for each in answer.get("Contents", [])
        }
        return found, answer["IsTruncated"]

    def read_variant(self, key: str, *, max_bytes: int) -> bytes | None:
        """The bytes of a variant; None if it is not there, or larger."""
        with translating_errors(f"s3:GetObject {key}"):
            try:
                answer = self._s3.get_object(Bucket=self._variants, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            body: bytes | None = answer["Body"].read() if answer["ContentLength"] <= max_bytes else None
        return body

    def link(self, variant: VariantRecord, etag: str, name: str) -> str:
        """A URL at which anyone can read a variant of a version that is done.

        On a CDN it has no limit in time. From S3 it expires, and stays the same within a period, so that browsers can
        cache the image.

        Args:
            etag: the version's.
            name: of the file when it is saved; a CDN's link has none.
        """
        if self._cdn:
            return cdn_link(self._cdn, variant.key, etag=etag, fingerprint=variant.fingerprint)
        return self._signed(self._variants, variant.key, name, self.period())

    def original_link(self, key: str, name: str) -> str:
        """A URL at which anyone can read an uploaded object, which expires; always from S3."""
        return self._signed(self._uploads, key, name, self.signed_period())

    def download(self, variant: VariantRecord, _etag: str, name: str) -> str:
        """As `link`, but a browser saves the file; always from S3, and it expires."""
        return self._signed(self._variants, variant.key, name, self.signed_period(), SAVED)

    def original_download(self, key: str, name: str) -> str:
        """As `original_link`, but a browser saves the file."""
        return self._signed(self._uploads, key, name, self.signed_period(), SAVED)

    def links_origin(self) -> str:
        """Scheme and host of every link, as browsers compare origins."""
        return origin_of(self._cdn or self._signed(self._variants, "any", "any", self.period()))

    def period(self) -> int:
        """As `signed_period`, for links to variants: always the same on a CDN, whose links do not expire."""
        return 0 if self._cdn else self.signed_period()

    def signed_period(self) -> int:
        """The number of the current period: half the lifetime of a link, so that each link outlives its period."""
        return int(self._clock() // (self._link_seconds / 2))

    def _sign(self, bucket: str, key: str, name: str, _period: int, kind: str = SHOWN) -> str:
        where = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": _disposition(kind, name)}
        with translating_errors(f"sign s3:GetObject {key}"):
            url: str = self._s3.generate_presigned_url("get_object", Params=where, ExpiresIn=self._link_seconds)
        return url


def _disposition(kind: str, name: str) -> str:
    """Content-Disposition: shown or saved, under a name that programs which read ASCII alone know too (RFC 6266)."""
    name = name[-MAX_NAME_IN_LINK:]
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def origin_of(url: str) -> str:
    """Scheme and host, as browsers compare origins."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
