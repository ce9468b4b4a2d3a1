"""Compares what is there after a chaos run with what was uploaded: records, variants, dead letters, events."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processing import imaging
from processing.ledger import Record, Status, read
from processing.recipe import Recipe
from tests.chaos import lines
from tests.chaos.result import Result
from tests.chaos.stage import VARIANTS_BUCKET, Stage
from tests.chaos.uploads import Upload, is_broken, is_picture, key_of
from tests.events.judgment import Event, ends_of, judge, latest


@dataclass(frozen=True)
class Comparison:
    """Writes what it finds into ``result``."""

    stage: Stage
    recipe: Recipe
    log_dir: Path
    result: Result

    def run(self, uploads: Sequence[Upload], events: Sequence[Event]) -> None:
        """Compare everything."""
        dead = {key_of(message["Body"]) for message in self.stage.dead()}
        items = self.stage.items()
        records = {(record.version.key, record.version.etag): record for record in map(read, items)}
        shown = self.stage.shown()
        for upload in uploads:
            expected = None if upload.last is None else upload.etags[-1]
            record = records.get((upload.key, expected)) if expected else None
            self.result.statuses[record.status if record else "REMOVED"] += 1
            self._judge(upload, expected, record, shown, upload.key in dead)
            self._compare_pictures(upload, shown)
        self._read_the_log(uploads)
        self._compare_events(uploads, items, events)
        found = self.result
        found.disagreements += found.lost + found.stale + found.wrong + found.twice + found.too_soon
        found.disagreements += found.announced.faults + found.untrue

    def _judge(
        self, upload: Upload, expected: str | None, record: Record | None, shown: dict[str, str], is_dead: bool
    ) -> None:
        found = [shown.get(key) for key in self._variants(upload)]
        status = record.status if record else None
        if not is_picture(upload.last):
            is_rejected = status is Status.REJECTED
            if (is_rejected, is_dead) != ((True, True) if is_broken(upload.last) else (False, False)):
                self.result.lost.append(f"{upload.key}: no picture, and {status}, dead: {is_dead}")
            if any(found):
                self.result.stale.append(f"{upload.key}: nothing must be shown, but {found}")
            return
        if is_dead or status is not Status.DONE:
            self.result.lost.append(f"{upload.key}: {status}, dead: {is_dead}")
        if set(found) != {expected}:
            self.result.stale.append(f"{upload.key}: {expected} must be shown, but {found}")

    def _compare_pictures(self, upload: Upload, shown: dict[str, str]) -> None:
        """Every variant is, byte by byte, what the engine makes of the version it is said to be of."""
        for key, name in self._variants(upload).items():
            if (etag := shown.get(key)) in upload.etags:
                body = [version for version in upload.versions if version is not None][upload.etags.index(etag)]
                made = {variant.name: variant.data for variant in imaging.render(body, self.recipe).variants}
                self.result.compared += 1
                if self.stage.variant(key) != made[name]:
                    self.result.wrong.append(f"{key}: not what the engine makes of {etag}")

    def _variants(self, upload: Upload) -> dict[str, str]:
        """The names of an object's variants by their keys."""
        return {upload.key.replace("images/", f"{spec.name}/"): spec.name for spec in self.recipe.variants}

    def _read_the_log(self, uploads: Sequence[Upload]) -> None:
        """Nothing that was never undone is done twice; nothing comes back before the lease it waits for has ended."""
        told = lines.read(self.log_dir)
        undisturbed = {f"uploads/{upload.key}" for upload in uploads if len(upload.versions) == 1}
        self.result.twice = lines.done_twice(told, undisturbed)
        self.result.too_soon = lines.back_too_soon(told)

    def _compare_events(self, uploads: Sequence[Upload], items: Sequence[Any], events: Sequence[Event]) -> None:
        """Every end in the stream and in the table has its event, and the latest event of an object is true.

        The table's items count as well, so that an end is missed that the emulator's stream did not have.
        """
        changes = [change["dynamodb"]["NewImage"] for change in self.stage.changes()]
        ends = ends_of([*changes, *items])
        self.result.announced = judge(ends, events, variants_bucket=VARIANTS_BUCKET, now=time.time())
        found = latest(events)
        for upload in uploads:
            event = found.get(f"uploads/{upload.key}")
            if event is None or not is_true(event, upload):
                self.result.untrue.append(f"{upload.key}: the latest event is {event}")


def is_true(event: Event, upload: Upload) -> bool:
    """Whether an event is about what the uploads bucket has in the end."""
    if upload.last is None:
        return event.kind == "Image Removed"
    kind = "Image Rejected" if is_broken(upload.last) else "Image Ready"
    return (event.kind, event.detail["etag"]) == (kind, upload.etags[-1])
