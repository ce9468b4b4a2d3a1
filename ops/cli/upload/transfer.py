"""One file into a bucket: in one request, or from a size on in parts; returns the ETag that S3 gave it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ops.cli.upload.content import FileFacts
from processing.errors import PreconditionFailed
from processing.storage.refusals import is_conflict, is_missing

# Most photos are one request, which is cheaper and has an MD5 for an ETag. Parts are as large as those of the AWS CLI
# and boto3, so that what these have uploaded is recognized.
ONE_REQUEST: Final = 32 * 1024 * 1024
PART: Final = 8 * 1024 * 1024

WRITES: Final = ("PutObject", "CompleteMultipartUpload")  # what makes an object be there


class Transfer:
    """Uploads to one bucket, by s3transfer; any number of threads may share it.

    s3transfer neither takes conditions nor gives S3's answers back, so both go by the client's events. It does here
    all it does in the thread it is called in: what belongs to one upload is kept by thread.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._config = TransferConfig(multipart_threshold=ONE_REQUEST, multipart_chunksize=PART, use_threads=False)
        self._here = threading.local()

    @classmethod
    @contextmanager
    def to(cls, s3: Any, bucket: str) -> Iterator[Self]:
        """A transfer that takes part in the client's requests while the block runs."""
        transfer, events = cls(s3, bucket), s3.meta.events
        steps: dict[str, Callable[..., None]] = {
            "before-parameter-build": transfer._add_condition,
            "after-call": transfer._keep_etag,
        }
        handlers = [(f"{step}.s3.{name}", handler) for step, handler in steps.items() for name in WRITES]
        for event, handler in handlers:
            events.register(event, handler)
        try:
            yield transfer
        finally:
            for event, handler in handlers:
                events.unregister(event, handler)

    def put(
        self,
        path: Path,
        key: str,
        facts: FileFacts,
        on_bytes: Callable[[int], object] | None = None,
        *,
        only_if: Mapping[str, str] | None = None,
    ) -> str:
        """Upload a file; its ETag, without quotes.

        Args:
            only_if: IfNoneMatch or IfMatch, and the ETag.

        Raises:
            PreconditionFailed: it was not so; nothing was written.
            OSError: the file cannot be read.
            ClientError, BotoCoreError: S3 refused it, or cannot be reached; what was begun in parts is given up.
        """
        extra = {"ContentType": facts.content_type, "Metadata": {"sha256": facts.sha256}}
        self._here.only_if, self._here.etag = only_if or {}, None
        try:
            self._s3.upload_file(str(path), self._bucket, key, ExtraArgs=extra, Callback=on_bytes, Config=self._config)
        except S3UploadFailedError as error:  # boto3 hides AWS's answer in a sentence of its own
            refused = error.__context__
            if isinstance(refused, ClientError) and (is_conflict(refused) or is_missing(refused)):  # to be replaced
                raise PreconditionFailed(str(refused)) from refused
            raise refused or error from None
        return str(self._here.etag).strip('"')

    def _add_condition(self, params: dict[str, Any], **_others: Any) -> None:
        params.update(self._here.only_if)

    def _keep_etag(self, parsed: dict[str, Any], **_others: Any) -> None:
        self._here.etag = parsed.get("ETag")
