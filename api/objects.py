"""Objects in S3 as the API needs them: forms that take one file each, links to variants, small uploads.

A form and a link are signed here, without a request: S3 checks what they allow when they are used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError

from processing.storage.refusals import is_missing, translating_errors

MOST_LINKS: Final = 2_000  # kept, of a kilobyte or two each


@dataclass(frozen=True, slots=True)
class Form:
    """Where a browser or a program posts a file, and the fields that stand before it."""

    url: str
    fields: Mapping[str, str]


class Objects(Protocol):
    """The uploads and variants buckets, from outside."""

    def form(self, key: str, content_type: str, size: int) -> Form: ...
    def put(self, key: str, body: bytes, content_type: str) -> None: ...
    def source_etag(self, key: str) -> str | None: ...
    def link(self, key: str) -> str: ...
    def period(self) -> int: ...


class S3Objects:
    """The buckets on S3.

    Args:
        client: a boto3 S3 client that signs with version 4: version 2 drops a form's conditions without a word.
        upload_seconds, link_seconds: how long forms and links live; no longer than the credentials that signed them.
        cdn_domain: of what stands in front of the variants bucket; "" for nothing.
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
        cdn_domain: str = "",
    ) -> None:
        self._s3 = client
        self._uploads = uploads_bucket
        self._variants = variants_bucket
        self._upload_seconds = upload_seconds
        self._link_seconds = link_seconds
        self._cdn = cdn_domain
        self._clock = clock
        self._signed = lru_cache(MOST_LINKS)(self._sign)

    def form(self, key: str, content_type: str, size: int) -> Form:
        """A form for one file: exactly this key, this content type, and so many bytes.

        S3 counts the file's own bytes, without the rest of the form, and both ends of the range belong to it:
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
        return Form(answer["url"], answer["fields"])

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store a file under a key that was never given before."""
        with translating_errors(f"s3:PutObject {key}"):
            self._s3.put_object(Bucket=self._uploads, Key=key, Body=body, ContentType=content_type)

    def source_etag(self, key: str) -> str | None:
        """The version of the file that is there now; None for none."""
        with translating_errors(f"s3:HeadObject {key}"):
            try:
                etag: str = self._s3.head_object(Bucket=self._uploads, Key=key)["ETag"]
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        return etag.strip('"')

    def link(self, key: str) -> str:
        """A URL under which anyone can see a variant, for a while; for ever at the CDN.

        It is the same for all of a period, so that browsers know the picture again.
        """
        if self._cdn:
            return f"https://{self._cdn}/{quote(key)}"
        return self._signed(key, self.period())

    def period(self) -> int:
        """The number of the period in which links are made now; they outlive it by as long as it is."""
        return int(self._clock() // (self._link_seconds / 2))

    def _sign(self, key: str, _period: int) -> str:
        with translating_errors(f"sign s3:GetObject {key}"):
            url: str = self._s3.generate_presigned_url(
                "get_object", Params={"Bucket": self._variants, "Key": key}, ExpiresIn=self._link_seconds
            )
        return url


def origin_of(url: str) -> str:
    """Scheme and host, as a browser compares them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
