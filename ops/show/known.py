"""What is known of one object: what the uploads bucket has now, its versions in the ledger, its variants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ops.errors import UsageError
from ops.heads import head
from ops.images import ImagesTable, Record, Variant, current
from ops.stage import Stage

THERE: Final = "there"
OF_ANOTHER_VERSION: Final = "of another version"
OF_ANOTHER_RECIPE: Final = "of another recipe"
MISSING: Final = "missing"
LINK_LIMIT: Final = 7 * 24 * 60  # minutes that a signature of version 4 can last


@dataclass(frozen=True, slots=True)
class Stored:
    """The object that is in the uploads bucket now."""

    etag: str
    size: int
    content_type: str
    modified: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A variant that the ledger tells of, and what is under its key now."""

    variant: Variant
    state: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything. ``link`` is for the original; ``current`` is the version that counts, as the upload API has it.

    ``variants`` are those of the current version, or where it has none, of the one that was finished last.
    """

    bucket: str
    key: str
    stored: Stored | None
    link: str
    versions: Sequence[Record]
    current: Record | None
    variants: Sequence[Seen]
    finished: Record | None

    @property
    def is_anything(self) -> bool:
        return self.stored is not None or bool(self.versions)


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds it out, of objects of one stage. ``seconds`` is how long links last."""

    stage: Stage
    seconds: int

    def find(self, key: str) -> Known:
        """What is known of the object with this key."""
        stage, s3 = self.stage, self.stage.client("s3")
        answer = head(s3, stage.uploads_bucket, key)
        table = ImagesTable(stage.client("dynamodb"), stage.images_table)
        versions = table.versions(f"{stage.uploads_bucket}/{key}")
        stored = None if answer is None else _stored(answer)
        counts = current(versions, lambda: stored.etag if stored else None)
        finished = next((record for record in (counts, *versions) if record and record.variants), None)
        return Known(
            bucket=stage.uploads_bucket,
            key=key,
            stored=stored,
            link="" if answer is None else self._link(stage.uploads_bucket, key),
            versions=versions,
            current=counts,
            variants=[self._seen(variant, finished) for variant in finished.variants] if finished else [],
            finished=finished,
        )

    def _seen(self, variant: Variant, record: Record) -> Seen:
        bucket = self.stage.variants_bucket
        answer = head(self.stage.client("s3"), bucket, variant.key)
        if answer is None:
            return Seen(variant, MISSING)
        return Seen(variant, _state(answer.get("Metadata", {}), record), self._link(bucket, variant.key))

    def _link(self, bucket: str, key: str) -> str:
        where = {"Bucket": bucket, "Key": key}
        return str(self.stage.client("s3").generate_presigned_url("get_object", Params=where, ExpiresIn=self.seconds))


def key_of(stage: Stage, name: str) -> str:
    """The key that is meant by a key (with or without the prefix), bucket/key or s3://bucket/key.

    Raises:
        UsageError: it is in another bucket.
    """
    path = name.removeprefix("s3://")
    key = path.removeprefix(f"{stage.uploads_bucket}/")
    if path != name and key == path:
        raise UsageError(f"{name} is not in this stage's bucket, {stage.uploads_bucket}: name another --stage")
    return key if key.startswith(stage.uploads_prefix) else f"{stage.uploads_prefix}{key}"


def _state(made_of: Mapping[str, str], record: Record) -> str:
    if made_of.get("source-etag") != record.etag:
        return OF_ANOTHER_VERSION
    return THERE if made_of.get("recipe") == record.recipe else OF_ANOTHER_RECIPE


def _stored(answer: Mapping[str, Any]) -> Stored:
    return Stored(
        answer["ETag"],
        answer["ContentLength"],
        answer.get("ContentType", ""),
        answer["LastModified"].isoformat(timespec="seconds"),
    )
