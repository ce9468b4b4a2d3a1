"""What is wrong with a variant that no source of the listing stands behind: asked anew, for listings grow old."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.audit.findings import Finding, Kind
from ops.audit.names import Names
from ops.heads import head
from ops.images import ImagesTable


@dataclass(frozen=True, slots=True)
class Orphans:
    """Judges them.

    Args:
        recipe: the fingerprint of today's recipe.
    """

    s3: Any
    uploads_bucket: str
    variants_bucket: str
    names: Names
    table: ImagesTable
    recipe: str

    def judge(self, key: str) -> Finding | None:
        """What it is; None when it is gone, or its source has come meanwhile."""
        now = head(self.s3, self.variants_bucket, key)
        source = self.names.source(key)
        if now is None or (source is not None and self._source(source) is not None):
            return None
        for older in self.names.older_sources(key):
            if (found := self._source(older)) is not None:
                done = self._is_done(older, found["ETag"])
                detail = f"of {older}" + ("" if done else ", which is not done with today's recipe yet")
                return Finding(Kind.LEFTOVER, key, detail, etag=now["ETag"] if done else "")
        return Finding(Kind.ORPHAN, key, f"no {source}" if source else "no key leads to it", etag=now["ETag"])

    def _source(self, key: str) -> Mapping[str, Any] | None:
        return head(self.s3, self.uploads_bucket, key)

    def _is_done(self, key: str, etag: str) -> bool:
        version = (f"{self.uploads_bucket}/{key}", etag)
        record = self.table.read([version]).get(version)
        return record is not None and record.status == "DONE" and record.recipe == self.recipe
