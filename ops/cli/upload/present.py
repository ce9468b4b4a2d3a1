"""What is in the bucket already, by one walk over it, and whether a file is the same.

An ETag is the MD5 of an object put in one request, and the MD5 of its parts' MD5s, with their number behind it, of one
put in parts; unless the bucket encrypts with a KMS key, or the object has a customer's own, when it is neither. Where
the ETag does not show that a file of the same size is the same, its SHA-256 does, which an upload leaves in the
object's metadata: one HEAD for such an object.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

import hashlib
import os.path
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.cli.upload.files import LocalFile
from ops.cli.upload.transfer import PART
from processing.storage.objects import head

IN_ONE = re.compile(r"[0-9a-f]{32}")
IN_PARTS = re.compile(r"[0-9a-f]{32}-[0-9]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the bucket's listing shows it."""

    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Present:
    """What of the files' keys is in the bucket. ``by_digest`` are those whose ETag did not tell whether they are."""

    s3: Any
    bucket: str
    objects: Mapping[str, Listed]
    by_digest: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, s3: Any, bucket: str, files: Sequence[LocalFile]) -> "Present":
        """Walk over the part of the bucket where the files' keys lie."""
        wanted = {file.key for file in files if _is_text(file.key)}
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_common(wanted))
        objects = {
            item["Key"]: Listed(item["ETag"].strip('"'), item["Size"])
            for page in pages
            for item in page.get("Contents", ())
            if item["Key"] in wanted
        }
        return cls(s3, bucket, objects)

    def etag_of_same(self, file: LocalFile) -> str | None:
        """The ETag of the object that had the file's key on the walk, if it has its content too."""
        return self._same(file, self.objects.get(file.key))

    def etag_of_same_now(self, file: LocalFile) -> str | None:
        """The same, by a look at what is there now."""
        answer = head(self.s3, self.bucket, file.key)
        return self._same(file, Listed(answer["ETag"], answer["ContentLength"]) if answer else None)

    def unchanged(self, file: LocalFile) -> dict[str, str]:
        """The condition for a write: what the file's key has is still what the walk has seen."""
        listed = self.objects.get(file.key)
        return {"IfMatch": f'"{listed.etag}"'} if listed else {"IfNoneMatch": "*"}

    def _same(self, file: LocalFile, listed: Listed | None) -> str | None:
        if listed is None or listed.size != file.path.stat().st_size:
            return None
        if _etag(file.path, like=listed.etag) == listed.etag:
            return listed.etag
        self.by_digest.add(file.key)
        stored = head(self.s3, self.bucket, file.key)
        if stored is None or stored.get("Metadata", {}).get("sha256") != _digest(file.path, "sha256"):
            return None
        return str(stored["ETag"])


def _is_text(key: str) -> bool:
    """A file's name need not be UTF-8; a key has to."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _common(keys: set[str]) -> str:
    return os.path.commonprefix([min(keys), max(keys)]) if keys else ""  # noqa: RUF071 - S3's prefixes are characters


def _etag(path: Path, *, like: str) -> str:
    """What the ETag of a file would be, made in the way in which ``like`` was; empty when that way is unknown."""
    if IN_ONE.fullmatch(like):
        return _digest(path, "md5")
    return _etag_in_parts(path) if IN_PARTS.fullmatch(like) else ""


def _etag_in_parts(path: Path) -> str:
    with path.open("rb") as file:
        parts = [hashlib.md5(part, usedforsecurity=False).digest() for part in iter(lambda: file.read(PART), b"")]
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False)).hexdigest()
