"""One run on a running stack: upload, follow every object to its end, copy the variants, add up, make the sheet."""

import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from ops.cli.folders import OddFile, unreadable
from ops.cli.follow import End, Follower
from ops.cli.interruption import Interruption
from ops.cli.queues import depth_of
from ops.cli.results import Results
from ops.cli.start import log, report, sheet
from ops.cli.start.events import receiving
from ops.cli.start.parallel import in_turn
from ops.cli.start.photos import Photo, Selection
from ops.cli.start.variants import Copies, VariantsBucket, changes, copying, wait_for_a_later_second
from ops.cli.upload.content import unchecked
from ops.cli.upload.transfer import Transfer
from ops.local.stack import LocalStack
from processing.ledger import ImagesTable, Phase, Version

THREADS = 4  # uploads at once
LAST_COPIES = 5.0  # seconds that an interrupted run goes on copying what is done


class Bars(Progress):
    """Bars whose last line is printed with its end, also in a pipe: another thread may print right after it."""

    def __init__(self, *columns: ProgressColumn, console: Console) -> None:
        self._ends_its_line = not console.is_interactive
        super().__init__(*columns, console=console)

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self._ends_its_line:
            yield Text()

    def stop(self) -> None:
        self.live.stop()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is made on. ``timeout`` is in seconds without an end; ``console`` shows the progress.

    After an interruption it begins nothing more, and waits for nothing but the last copies.
    """

    stack: LocalStack
    results: Results
    timeout: float
    console: Console
    interruption: Interruption = field(default_factory=Interruption)
    odd: list[OddFile] = field(default_factory=list, init=False)  # could not be read any more when it was their turn

    def through(self, selection: Selection, *, again: bool) -> tuple[report.RunTotals, list[End[Photo]]]:
        """The whole story: from a folder of photos to variants, contact sheet and totals."""
        stop = self.interruption.requested
        with receiving(self.stack) as sink:
            since, started = int(time.time()), time.monotonic()
            ends = self._process(selection.photos)
            seconds, not_uploaded = time.monotonic() - started, len(selection.photos) - len(ends) - len(self.odd)
            settled = self._follower().settle(self.timeout, until=stop)
            events = sink.collect(*_announced(ends, since), until=stop) if sink and not stop() else None
        duplicates = self._duplicates()
        second = self.upload_again(ends) if again and not stop() else None
        totals = report.total(
            ends,
            seconds=seconds,
            duplicates=duplicates,
            skipped_files=selection.skipped,
            odd_files=(*selection.odd, *self.odd),
            messages_left=not settled or (second is not None and not second.settled),
            contact_sheet=self.results.folder / sheet.FILE,
            again=second,
            events=events,
            interrupted=stop(),
            not_uploaded=not_uploaded,
        )
        self.results.write(sheet.FILE, sheet.page(self.results.folder, ends, totals).encode())
        return totals, ends

    def _process(self, photos: Sequence[Photo]) -> list[End[Photo]]:
        """Upload, follow every object to its end, and copy its variants, all at once; the ends in the photos' order."""
        with self._progress() as bars:
            uploaded, finished = (bars.add_task(name, total=len(photos)) for name in ("uploaded", "finished"))
            with self._copying(bars) as copies:

                def end(ended: End[Photo]) -> None:
                    bars.advance(finished)
                    if ended.phase is Phase.DONE and ended.record:
                        copies.begin(ended.record)

                follower = self._follower(end)

                def follow(photo: Photo, version: Version) -> None:
                    bars.advance(uploaded)
                    follower.add(photo, version)
                    follower.poll()

                self._upload(photos, follow)
                ends = follower.wait_for_all(self.timeout, until=self.interruption.requested)
                copied = copies.wait(lambda: self.interruption.seconds() > LAST_COPIES)
        order = {photo: number for number, photo in enumerate(photos)}
        return sorted((_as_copied(end, copied) for end in ends), key=lambda end: order[end.subject])

    def _copying(self, bars: Progress) -> AbstractContextManager[Copies]:
        """What copies the variants of everything that is done."""
        task = bars.add_task("copied", total=None)

        def show(copied: int, begun: int) -> None:
            bars.update(task, completed=copied, total=begun)

        return copying(self._variants(), self.results, show, is_interrupted=self.interruption.requested)

    def _upload(self, photos: Sequence[Photo], on_uploaded: Callable[[Photo, Version], None]) -> None:
        """Put each photo under its own name below the prefix, a few at once; what cannot be read is odd."""
        bucket, prefix = self.stack.outputs["UploadsBucket"], self.stack.outputs["UploadsPrefix"]
        with Transfer.to(self.stack.client("s3"), bucket) as transfer:

            def put(photo: Photo) -> Version | OddFile:
                key = prefix + photo.name
                try:
                    return Version(bucket, key, transfer.put(photo.path, key, unchecked(photo.path, key)))
                except OSError as error:
                    return OddFile(photo.path, unreadable(error))

            for photo, put_as in in_turn(put, photos, threads=THREADS, until=self.interruption.requested):
                if isinstance(put_as, Version):
                    on_uploaded(photo, put_as)
                else:
                    self.odd.append(put_as)

    def upload_again(self, ends: Sequence[End[Photo]]) -> report.SecondUpload:
        """Put the same files under the same keys, and compare what S3 says of the variants before and after."""
        photos = [end.subject for end in ends if end.phase is Phase.DONE]
        before = self._variants().stored()
        wait_for_a_later_second(before, now=lambda: datetime.now(UTC), pause=time.sleep)
        duplicates, sent = self._duplicates(), list[Version]()
        with self._progress() as bars:
            uploaded = bars.add_task("uploaded again", total=len(photos))

            def count(_photo: Photo, version: Version) -> None:
                bars.advance(uploaded)
                sent.append(version)

            self._upload(photos, count)
        # The emulator's S3 notifies before it answers a PUT.
        settled = self._follower().settle(self.timeout, until=self.interruption.requested)
        written = changes(before, self._variants().stored())
        return report.SecondUpload(
            images=len(sent),
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
        with Bars(*columns, console=self.console) as bars:
            yield bars


def _announced(ends: Sequence[End[Photo]], since: int) -> tuple[list[Version], list[Version]]:
    """The versions that ended after that second, and in it, by their records; a killed worker's record has no end.

    What ended in that second may have done so before this run, as after one that was interrupted.
    """
    records = [end.record for end in ends if end.phase is not None and end.record and not end.record.lease_until]
    after = [each.version for each in records if each.updated_at > since]
    return after, [each.version for each in records if each.updated_at == since]


def _as_copied(end: End[Photo], copied: Set[Version]) -> End[Photo]:
    """What is done and not copied is left: the contact sheet cannot show it."""
    return replace(end, phase=None) if end.phase is Phase.DONE and end.version not in copied else end
