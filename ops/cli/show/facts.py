"""What is known of one object: what the uploads bucket has now, its versions in the images table, its variants."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ops.cli.recipes import VariantPlan, VariantState
from ops.cli.stage import Stage
from ops.errors import UsageError
from processing.ledger import ImagesTable, Record, Status, VariantRecord, current
from processing.links import cdn_link
from processing.storage.objects import Published, head

LINK_LIMIT: Final = 7 * 24 * 60  # minutes that a signature of version 4 can last


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """The object that is in the uploads bucket now."""

    etag: str
    size: int
    content_type: str
    modified: str

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "StoredUpload":
        """From the answer to a HEAD."""
        modified = answer["LastModified"].isoformat(timespec="seconds")
        return cls(answer["ETag"], answer["ContentLength"], answer.get("ContentType", ""), modified)


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """A variant of the record or of the current recipe, and what is under its key now."""

    variant: VariantRecord
    state: VariantState
    link: str = ""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """All facts.

    Args:
        link: to the original.
        current: the version that counts, as in the upload API.
        variants: of the current version, or where it has none, of the one that was finished last.
        finished: the record of the version that has the variants.
    """

    bucket: str
    key: str
    stored: StoredUpload | None
    link: str
    versions: Sequence[Record]
    current: Record | None
    variants: Sequence[VariantFacts]
    finished: Record | None

    @property
    def is_anything(self) -> bool:
        return self.stored is not None or bool(self.versions)

    def is_stored(self, record: Record) -> bool:
        """Whether this version is in the uploads bucket now."""
        return self.stored is not None and self.stored.etag == record.version.etag


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the facts of objects of one stage; links last for ``seconds``."""

    stage: Stage
    plan: VariantPlan
    seconds: int

    def find(self, key: str) -> ObjectFacts:
        """What is known of the object with this key."""
        bucket = self.stage.uploads_bucket
        answer = head(self.stage.client("s3"), bucket, key)
        versions = ImagesTable(self.stage.client("dynamodb"), self.stage.images_table).versions(bucket, key)
        stored = StoredUpload.of(answer) if answer else None
        counts = current(versions, lambda: stored.etag if stored else None)
        finished = next((record for record in (counts, *versions) if record and record.variants), None)
        return ObjectFacts(
            bucket=bucket,
            key=key,
            stored=stored,
            link=self._link(bucket, key) if stored else "",
            versions=versions,
            current=counts,
            variants=list(self._variants(finished)) if finished else [],
            finished=finished,
        )

    def _variants(self, record: Record) -> Iterator[VariantFacts]:
        """Those of the record; and those of the current recipe that it does not have, without a size."""
        yield from (self._variant(each, record) for each in record.variants)
        recorded = {(each.name, each.key) for each in record.variants}
        for name, key in self.plan.of(record.version.key).keys.items():
            if (name, key) not in recorded:
                yield self._variant(VariantRecord(name, key, "", 0, 0, 0), record)

    def _variant(self, variant: VariantRecord, record: Record) -> VariantFacts:
        bucket = self.stage.variants_bucket
        answer = head(self.stage.client("s3"), bucket, variant.key)
        seen = Published.of(answer["ETag"], answer.get("Metadata", {})) if answer else None
        key, etag = record.version.key, record.version.etag
        state = self.plan.state(variant.name, seen, key=key, etag=etag, record=record)
        return VariantFacts(variant, state, self._link_of(variant, record) if seen else "")

    def _link_of(self, variant: VariantRecord, record: Record) -> str:
        """On the CDN where there is one, and the version is published; else from S3."""
        if self.stage.cdn and record.status is Status.DONE and variant.fingerprint:
            etag = record.version.etag
            return cdn_link(self.stage.cdn, variant.key, etag=etag, fingerprint=variant.fingerprint)
        return self._link(self.stage.variants_bucket, variant.key)

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
