"""One file into a bucket: in one request, or from a size on in parts; answers the ETag that S3 gave it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from ops.upload.looking import About

# Most photos are one request, which is cheaper and has an MD5 for an ETag. Parts are as large as those of the AWS CLI
# and boto3, so that what these have uploaded is recognised.
ONE_REQUEST: Final = 32 * 1024 * 1024
PART: Final = 8 * 1024 * 1024

ANSWERS: Final = ("after-call.s3.PutObject", "after-call.s3.CompleteMultipartUpload")


class Transfer:
    """Uploads to one bucket, by s3transfer; any number of threads may share it.

    s3transfer keeps S3's answers to itself. It does here all it does in the thread it is called in, so the answers
    are noted by thread.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._config = TransferConfig(multipart_threshold=ONE_REQUEST, multipart_chunksize=PART, use_threads=False)
        self._answered = threading.local()

    @classmethod
    @contextmanager
    def to(cls, s3: Any, bucket: str) -> Iterator[Self]:
        """A transfer that listens to the client's answers while the block runs."""
        transfer = cls(s3, bucket)
        for event in ANSWERS:
            s3.meta.events.register(event, transfer._note)
        try:
            yield transfer
        finally:
            for event in ANSWERS:
                s3.meta.events.unregister(event, transfer._note)

    def put(self, path: Path, key: str, about: About, on_bytes: Callable[[int], object] | None = None) -> str:
        """Upload a file; its ETag, without quotes.

        Raises:
            OSError: the file cannot be read.
            ClientError, BotoCoreError: S3 refused it, or cannot be reached; what was begun in parts is given up.
        """
        extra = {"ContentType": about.content_type, "Metadata": {"sha256": about.sha256}}
        self._answered.etag = None
        try:
            self._s3.upload_file(str(path), self._bucket, key, ExtraArgs=extra, Callback=on_bytes, Config=self._config)
        except S3UploadFailedError as error:
            raise error.__context__ or error from None  # boto3 hides AWS's error code in a sentence of its own
        return str(self._answered.etag).strip('"')

    def _note(self, parsed: dict[str, Any], **_others: Any) -> None:
        self._answered.etag = parsed.get("ETag")
