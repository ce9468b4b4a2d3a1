"""One run on a running stack: upload, follow every object to its end, save the variants, add up, make the sheet."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.depths import depth_of
from ops.images import ImagesTable
from ops.local.stack import LocalStack
from ops.start import outcomes, report, sheet
from ops.start.ends import End, Follower, Outcome
from ops.start.letters import DeadLetters
from ops.start.photos import Photo, Selection
from ops.start.uploads import Uploader
from ops.start.variants import VariantsBucket, changes, wait_for_a_later_second


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is made on. ``timeout`` is in seconds without news; ``words`` shows the progress."""

    stack: LocalStack
    out: Path
    timeout: float
    words: Console

    def through(self, selection: Selection, *, again: bool) -> tuple[report.Totals, list[End]]:
        """The whole story: from a folder of photos to variants, contact sheet and totals."""
        started = time.monotonic()
        ends = self._upload(selection.photos)
        seconds = time.monotonic() - started
        settled = self._follower().settle()
        duplicates = self._duplicates()
        self._save(ends)
        second = self.upload_again(ends) if again else None
        totals = report.total(
            ends,
            seconds=seconds,
            duplicates=duplicates,
            skipped_files=selection.skipped,
            messages_left=not settled or (second is not None and not second.settled),
            contact_sheet=self.out / sheet.FILE,
            again=second,
        )
        sheet.write(self.out, ends, totals)
        return totals, ends

    def _upload(self, photos: Sequence[Photo]) -> list[End]:
        """Upload, and follow every object to its end meanwhile."""
        follower = self._follower()
        with self._progress() as bars, self._uploader().begin(photos) as uploading:
            uploaded = bars.add_task("uploaded", total=len(photos))
            finished = bars.add_task("finished", total=len(photos))
            follower.on_upload = lambda _upload: bars.advance(uploaded)
            follower.on_end = lambda _end: bars.advance(finished)
            ends = follower.follow(uploading)
        follower.letters.show_again()
        return ends

    def _save(self, ends: Sequence[End]) -> None:
        """Copy the variants of everything that is done."""
        done = [end.record for end in ends if end.outcome is Outcome.DONE and end.record]
        variants = [variant for record in done for variant in record.variants]
        with self._progress() as bars:
            saved = bars.add_task("saved", total=len(variants))
            self._variants().save(variants, self.out, lambda _variant: bars.advance(saved))

    def upload_again(self, ends: Sequence[End]) -> report.Again:
        """Put the same files under the same keys, and compare what S3 says of the variants before and after."""
        photos = [end.upload.photo for end in ends if end.outcome is Outcome.DONE]
        before = self._variants().stored()
        wait_for_a_later_second(before, now=lambda: datetime.now(UTC), pause=time.sleep)
        duplicates = self._duplicates()
        with self._progress() as bars, self._uploader().begin(photos) as uploading:
            for future in bars.track(uploading, description="uploaded again"):
                future.result()
        settled = self._follower().settle()  # the emulator's S3 notifies before it answers a PUT
        written = changes(before, self._variants().stored())
        return report.Again(
            images=len(photos),
            duplicates=self._duplicates() - duplicates,
            variants_unchanged=len(before.keys() - written),
            variants_written=len(written),
            settled=settled,
        )

    def _uploader(self) -> Uploader:
        outputs = self.stack.outputs
        return Uploader(self.stack.client("s3"), outputs["UploadsBucket"], outputs["UploadsPrefix"])

    def _variants(self) -> VariantsBucket:
        return VariantsBucket(self.stack.client("s3"), self.stack.outputs["VariantsBucket"])

    def _follower(self) -> Follower[DeadLetters]:
        sqs, outputs = self.stack.client("sqs"), self.stack.outputs
        return Follower(
            table=ImagesTable(self.stack.client("dynamodb"), outputs["ImagesTable"]),
            letters=DeadLetters(sqs, outputs["UploadsDlqUrl"]),
            settled=lambda: depth_of(sqs, outputs["UploadsQueueUrl"]).total == 0,
            check=self.stack.player.raise_if_broken,
            give_up_after=self.timeout,
            clock=time.monotonic,
            pause=time.sleep,
        )

    def _duplicates(self) -> int:
        return outcomes.count(self.stack.log_dir)["duplicate"]

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        columns = TextColumn("{task.description:>14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.words) as bars:
            yield bars
