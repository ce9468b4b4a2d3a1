"""A message for what has to be made, a conditional DELETE for what has to go; for a wrong picture one after the other.

The consumer acknowledges an object whose variants are all there: so a wrong one is deleted before its message is sent.
"""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ops.cli.audit.judge import Finding, FindingKind
from ops.cli.audit.keys import Names
from ops.cli.backfill.sending import Send
from ops.cli.backfill.sources import ListedObject
from ops.cli.queues import MAX_ENTRIES, NotSent
from processing.storage.objects import head
from processing.storage.refusals import is_conflict, is_missing

TO_GO = (FindingKind.ORPHAN, FindingKind.LEFTOVER, FindingKind.WRONG)
LEFT_ARCHIVED = "its source is archived: restore it first"
MOST_LEFT = 1000  # reasons that are kept


@dataclass
class Repaired:
    """What was repaired, and what was left: how many, and the first with the reason."""

    sent: int = 0
    removed: int = 0
    kept: int = 0  # orphans
    left_count: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def leave(self, key: str, why: str) -> None:
        self.left_count += key not in self.left
        if len(self.left) < MOST_LEFT:
            self.left[key] = why


@dataclass
class RepairPlan:
    """Counts what `Repair` would do."""

    keep_orphans: bool
    done: Repaired = field(default_factory=Repaired)
    _last: ListedObject | None = None

    def take(self, finding: Finding) -> None:
        if finding.kind is FindingKind.ORPHAN and self.keep_orphans:
            self.done.kept += 1
        elif finding.kind in TO_GO:
            self.done.removed += bool(finding.etag)
        if finding.kind is FindingKind.NOT_RENDERED:
            self.done.leave(finding.key, finding.detail)
        elif finding.source is not None and finding.source.unreadable:
            self.done.leave(finding.key, LEFT_ARCHIVED)
        elif finding.source not in (None, self._last):
            self.done.sent += 1
        self._last = finding.source

    def finish(self) -> Repaired:
        return self.done


@dataclass
class Repair:
    """Repairs findings as they come; those of one source come one after the other, and need one message.

    Args:
        keep_orphans: leave variants without a source where they are.
    """

    s3: Any
    uploads_bucket: str
    variants_bucket: str
    names: Names
    send: Send
    keep_orphans: bool
    done: Repaired = field(default_factory=Repaired)
    _waiting: list[ListedObject] = field(default_factory=list)

    def take(self, finding: Finding) -> None:
        """Repair one finding, or keep its source for the next batch of messages."""
        if finding.kind in TO_GO:
            self._remove(finding)
        elif finding.source is not None and finding.source.unreadable:
            self.done.leave(finding.key, LEFT_ARCHIVED)
        elif finding.source is not None:
            self._keep(finding.source)
        else:
            self.done.leave(finding.key, finding.detail)

    def finish(self) -> Repaired:
        """Send what is left."""
        batch, self._waiting = self._waiting, []
        if batch:
            self._send(batch)
        return self.done

    def _keep(self, source: ListedObject) -> None:
        if source in self._waiting[-1:]:
            return
        if len(self._waiting) == MAX_ENTRIES:
            self.finish()
        self._waiting.append(source)

    def _send(self, batch: list[ListedObject]) -> None:
        try:
            self.send(batch)
            self.done.sent += len(batch)
        except NotSent as error:
            self.done.sent += len(batch) - len(error.refused)
            for at, why in error.refused.items():
                self.done.leave(batch[at].key, f"not sent: {why}")

    def _remove(self, finding: Finding) -> None:
        """Delete a variant as it was judged; then check the source again, as the consumer does after a write."""
        if finding.kind is FindingKind.ORPHAN and self.keep_orphans:
            self.done.kept += 1
            return
        if not finding.etag:
            self.done.leave(finding.key, "it stays until its source is done with the current recipe")
            return
        try:
            self.s3.delete_object(Bucket=self.variants_bucket, Key=finding.key, IfMatch=f'"{finding.etag}"')
        except ClientError as error:
            if is_conflict(error):
                self.done.leave(finding.key, "changed meanwhile")
                return
            if not is_missing(error):
                raise
        self.done.removed += 1
        source = self.names.source(finding.key)
        if source is not None and (now := head(self.s3, self.uploads_bucket, source)) is not None:
            back = ListedObject(source, source, now["ETag"], now["ContentLength"], now["LastModified"])
            self._keep(back)  # what was deleted may have been its own variant
