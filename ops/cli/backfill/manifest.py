"""The manifest.json of an S3 Inventory, in S3 or on this machine: checked, and with it the data files that it names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ops.errors import UsageError
from processing.storage.refusals import is_denied, is_missing

NAME: Final = "manifest.json"
CHECKSUM: Final = "manifest.checksum"
S3: Final = "s3://"
MEMORY: Final = 8 << 20  # bytes of a data file that are kept in memory; what is more waits on the disk


class Place(Protocol):
    """Where an inventory is."""

    def read(self, name: str) -> bytes | None:
        """A file beside the manifest; None when there is none."""

    def fetch(self, key: str, into: IO[bytes]) -> None:
        """Write a data file, by the key that the manifest has."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest.json says, as far as it is used.

    Args:
        text: its address or path.
        digest: the MD5 of the manifest, which names this inventory.
        files: the key and the MD5 of each data file.
        created: when S3 began to write the inventory.
    """

    text: str
    place: Place
    digest: str
    bucket: str
    columns: str
    files: tuple[tuple[str, str], ...]
    created: datetime

    @classmethod
    def read(cls, text: str, s3: Any) -> "Manifest":
        """Read and check one; ``text`` is ``s3://bucket/key`` or a path, ``s3`` a boto3 client.

        Raises:
            UsageError: there is none, it is none, or it is not of CSV files.
        """
        folder, _, name = text.rpartition("/")
        place = _Stored(s3, text) if text.startswith(S3) else _Local(Path(folder or "."))
        content = place.read(name)
        if content is None:
            raise UsageError(f"{text} does not exist: give the manifest.json of an S3 Inventory")
        digest, checksum = _md5(content), place.read(CHECKSUM)
        if checksum is not None and checksum.decode("ascii", "replace").strip().lower() != digest:
            raise UsageError(f"{text} is not the one of its {CHECKSUM}: copy both again, or take a newer inventory")
        return cls(text, place, digest, *_parsed(text, content))

    @contextmanager
    def opened(self, number: int) -> Iterator[IO[bytes]]:
        """A data file, whole and checked before its first row is read.

        Raises:
            UsageError: it is not there, or not what the manifest says.
        """
        key, md5 = self.files[number]
        with tempfile.SpooledTemporaryFile(MEMORY) as file:
            self.place.fetch(key, file)
            file.seek(0)
            if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != md5:
                raise UsageError(f"{key} is not the file of {self.text} (another MD5): copy it again")
            file.seek(0)
            yield file


def is_manifest(source: str) -> bool:
    """Whether a source is given by the manifest of an inventory, and not by one of its files."""
    return source.startswith(S3) or Path(source).name == NAME


def _parsed(text: str, content: bytes) -> tuple[str, str, tuple[tuple[str, str], ...], datetime]:
    try:
        document: Mapping[str, Any] = json.loads(content)
        kind, bucket = document["fileFormat"], document["sourceBucket"]
        files = tuple((str(each["key"]), str(each["MD5checksum"]).lower()) for each in document["files"])
        created = datetime.fromtimestamp(int(document["creationTimestamp"]) / 1000, UTC)
        columns = document["fileSchema"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{text} is not the manifest.json of an S3 Inventory ({type(error).__name__}: {error})"
        ) from error
    if kind != "CSV":
        raise UsageError(
            f"{text} is an inventory in {kind}: configure one in CSV, or give keys on stdin "
            "(Athena writes them from an inventory of any format)"
        )
    return str(bucket), str(columns), files, created


@dataclass(frozen=True, slots=True)
class _Stored:
    """An inventory in S3."""

    s3: Any
    text: str

    def read(self, name: str) -> bytes | None:
        bucket, key = self._address()
        folder = key.rpartition("/")[0]
        with self._explained():
            try:
                answer = self.s3.get_object(Bucket=bucket, Key=f"{folder}/{name}" if folder else name)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            content: bytes = answer["Body"].read()
        return content

    def fetch(self, key: str, into: IO[bytes]) -> None:
        bucket, _ = self._address()
        with self._explained():
            try:
                self.s3.download_fileobj(bucket, key, into, Config=TransferConfig(use_threads=False))
            except ClientError as error:
                if is_missing(error):
                    raise UsageError(
                        f"{self.text} names {S3}{bucket}/{key}, which is not there: it has expired, or the inventory's "
                        "destination prefix ends with a slash, for which S3 writes keys that do not exist"
                    ) from error
                raise

    def _address(self) -> tuple[str, str]:
        split = urlsplit(self.text)
        return split.netloc, split.path.lstrip("/")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if is_denied(error):
                raise UsageError(
                    f"{self.text} may not be read: it needs s3:GetObject on the inventory's bucket (and kms:Decrypt on "
                    "its key), which the stack's OperatorPolicy does not grant"
                ) from error
            raise


@dataclass(frozen=True, slots=True)
class _Local:
    """An inventory that was copied: the data files beside the manifest, or in `data` beside it or its folder."""

    folder: Path

    def read(self, name: str) -> bytes | None:
        file = self.folder / name
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError as error:
            raise UsageError(f"{file} cannot be read ({error.strerror})") from error

    def fetch(self, key: str, into: IO[bytes]) -> None:
        name = key.rpartition("/")[2]
        for folder in (self.folder, self.folder / "data", self.folder.absolute().parent / "data"):
            if (file := folder / name).is_file():
                with file.open("rb") as content:
                    while block := content.read(1 << 20):
                        into.write(block)
                return
        raise UsageError(f"{self.folder / NAME} names {name}, which is neither beside it nor in data/: copy it as well")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
