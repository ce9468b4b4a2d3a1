"""One run on a running stack: upload, follow every object to its end, save the variants, add up, make the sheet."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.cli.folders import OddFile, unreadable
from ops.cli.follow import End, Follower
from ops.cli.queues import depth_of
from ops.cli.start import log, report, sheet
from ops.cli.start.events import receiving
from ops.cli.start.photos import Photo, Selection
from ops.cli.start.variants import VariantsBucket, changes, wait_for_a_later_second
from ops.cli.upload.content import unchecked
from ops.cli.upload.transfer import Transfer
from ops.local.stack import LocalStack
from processing.ledger import ImagesTable, Phase, Version

THREADS = 4  # uploads at once


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is made on. ``timeout`` is in seconds without an end; ``console`` shows the progress."""

    stack: LocalStack
    out: Path
    timeout: float
    console: Console
    odd: list[OddFile] = field(default_factory=list, init=False)  # could not be read any more when it was their turn

    def through(self, selection: Selection, *, again: bool) -> tuple[report.RunTotals, list[End[Photo]]]:
        """The whole story: from a folder of photos to variants, contact sheet and totals."""
        since = int(time.time())
        with receiving(self.stack) as sink:
            started = time.monotonic()
            ends = self._process(selection.photos)
            seconds = time.monotonic() - started
            settled = self._follower().settle(self.timeout)
            events = sink.collect(_announced(ends, since)) if sink else None
        duplicates = self._duplicates()
        self._save(ends)
        second = self.upload_again(ends) if again else None
        totals = report.total(
            ends,
            seconds=seconds,
            duplicates=duplicates,
            skipped_files=selection.skipped,
            odd_files=(*selection.odd, *self.odd),
            messages_left=not settled or (second is not None and not second.settled),
            contact_sheet=self.out / sheet.FILE,
            again=second,
            events=events,
        )
        sheet.write(self.out, ends, totals)
        return totals, ends

    def _process(self, photos: Sequence[Photo]) -> list[End[Photo]]:
        """Upload, and follow every object to its end meanwhile; the ends are in the order of the photos."""
        with self._progress() as bars:
            uploaded = bars.add_task("uploaded", total=len(photos))
            finished = bars.add_task("finished", total=len(photos))
            follower = self._follower(lambda _end: bars.advance(finished))

            def follow(photo: Photo, version: Version) -> None:
                bars.advance(uploaded)
                follower.add(photo, version)
                follower.poll()

            self._upload(photos, follow)
            ends = follower.wait_for_all(self.timeout)
        order = {photo: number for number, photo in enumerate(photos)}
        return sorted(ends, key=lambda end: order[end.subject])

    def _upload(self, photos: Sequence[Photo], on_uploaded: Callable[[Photo, Version], None]) -> None:
        """Put each photo under its own name below the prefix, a few at once; what cannot be read is odd."""
        bucket, prefix = self.stack.outputs["UploadsBucket"], self.stack.outputs["UploadsPrefix"]
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        with Transfer.to(self.stack.client("s3"), bucket) as transfer:

            def put(photo: Photo) -> Version | OddFile:
                key = prefix + photo.name
                try:
                    return Version(bucket, key, transfer.put(photo.path, key, unchecked(photo.path, key)))
                except OSError as error:
                    return OddFile(photo.path, unreadable(error))

            try:
                for photo, put_as in zip(photos, pool.map(put, photos), strict=True):
                    if isinstance(put_as, Version):
                        on_uploaded(photo, put_as)
                    else:
                        self.odd.append(put_as)
            finally:
                pool.shutdown(cancel_futures=True)

    def _save(self, ends: Sequence[End[Photo]]) -> None:
        """Copy the variants of everything that is done."""
        done = [end.record for end in ends if end.phase is Phase.DONE and end.record]
        variants = [variant for record in done for variant in record.variants]
        with self._progress() as bars:
            saved = bars.add_task("saved", total=len(variants))
            self._variants().save(variants, self.out, lambda _variant: bars.advance(saved))

    def upload_again(self, ends: Sequence[End[Photo]]) -> report.SecondUpload:
        """Put the same files under the same keys, and compare what S3 says of the variants before and after."""
        photos = [end.subject for end in ends if end.phase is Phase.DONE]
        before = self._variants().stored()
        wait_for_a_later_second(before, now=lambda: datetime.now(UTC), pause=time.sleep)
        duplicates = self._duplicates()
        with self._progress() as bars:
            uploaded = bars.add_task("uploaded again", total=len(photos))
            self._upload(photos, lambda _photo, _version: bars.advance(uploaded))
        settled = self._follower().settle(self.timeout)  # the emulator's S3 notifies before it answers a PUT
        written = changes(before, self._variants().stored())
        return report.SecondUpload(
            images=len(photos),
            duplicates=self._duplicates() - duplicates,
            variants_unchanged=len(before.keys() - written),
            variants_written=len(written),
            settled=settled,
        )

    def _variants(self) -> VariantsBucket:
        return VariantsBucket(self.stack.client("s3"), self.stack.outputs["VariantsBucket"])

    def _follower(self, on_end: Callable[[End[Photo]], object] = lambda _end: None) -> Follower[Photo]:
        sqs, outputs = self.stack.client("sqs"), self.stack.outputs
        return Follower(
            ImagesTable(self.stack.client("dynamodb"), outputs["ImagesTable"]),
            is_settled=lambda: depth_of(sqs, outputs["UploadsQueueUrl"]).total == 0,
            check=self.stack.raise_if_broken,
            on_end=on_end,
        )

    def _duplicates(self) -> int:
        return log.count_outcomes(self.stack.log_dir)["duplicate"]

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        columns = TextColumn("{task.description:>14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console) as bars:
            yield bars


def _announced(ends: Sequence[End[Photo]], since: int) -> list[Version]:
    """The versions that came to an end since then: their records say so, which no killed worker's does."""
    records = (end.record for end in ends if end.phase is not None)
    return [each.version for each in records if each and not each.lease_until and each.updated_at >= since]
