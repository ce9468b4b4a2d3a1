"""Puts photos into the uploads bucket, as an uploader would."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.errors import UsageError
from ops.start.photos import Photo
from ops.upload.looking import unchecked
from ops.upload.transfer import Transfer

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """A version of an object that is now in the uploads bucket."""

    photo: Photo
    bucket: str
    key: str
    etag: str
    size: int

    @property
    def object(self) -> str:
        """The partition key of the images table."""
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads to one bucket; ``s3`` is a boto3 client."""

    s3: Any
    bucket: str
    prefix: str

    @contextmanager
    def begin(self, photos: Sequence[Photo]) -> Iterator[list[Future[Upload]]]:
        """Upload in the background, a few at once; what has not begun when the block is left by an error never does."""
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
        with Transfer.to(self.s3, self.bucket) as transfer:
            try:
                yield [pool.submit(self._upload, transfer, photo) for photo in photos]
            finally:
                pool.shutdown(cancel_futures=True)

    def _upload(self, transfer: Transfer, photo: Photo) -> Upload:
        """Put one file under its own name below the prefix.

        Raises:
            UsageError: the file cannot be read.
        """
        key = self.prefix + photo.name
        try:
            etag, size = transfer.put(photo.path, key, unchecked(photo.path, key)), photo.path.stat().st_size
        except OSError as error:
            raise UsageError(f"{photo.path} cannot be read ({error.strerror}): mend that, or move it away") from error
        return Upload(photo, self.bucket, key, etag, size)
