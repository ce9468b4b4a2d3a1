"""The processing of one object from its event to its record: claim, fetch, render, publish, reconcile, complete.

`publisher` reconciles the variants with the uploads bucket; `batch` decides what an outcome means for the message.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Final

from processing.concurrency import Backoff, Executor, Lease, in_this_thread
from processing.errors import (
    Conflict,
    DarkroomError,
    LeaseLost,
    MalformedMessage,
    NotStarted,
    Rejected,
    SourceChanged,
    SourceGone,
)
from processing.events import Event, ObjectCreated, ObjectRemoved
from processing.ledger import (
    REMOVED_KEY,
    Claim,
    Delivery,
    DynamoLedger,
    ImageRecord,
    Status,
    VariantRecord,
    Version,
    reason_of,
)
from processing.naming import plan_of
from processing.outcome import Kind, Outcome
from processing.picture import Render, Rendered
from processing.publisher import UNKNOWN, Publication, is_complete
from processing.recipe import Recipe
from processing.storage.objects import SourceObject, Store

CLAIMS: Final = 3  # of a version that other workers finish, incomplete, in between

Observe = Callable[[str, float, float], object]
"""Takes the name of a stage that has ended, failed or not, with its start and end in seconds since the epoch."""


class Timings:
    """Milliseconds by stage: ``with timings.stage("fetch"): ...``; a stage that is repeated is added up.

    A stage that is not ``kept`` is only observed: the record is written before it has ended, or it is the writing.
    """

    def __init__(self, clock: Callable[[], float], observe: Observe = lambda _name, _start, _end: None) -> None:
        self._clock = clock
        self._observe = observe
        self._last = 0
        self.by_stage: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str, *, kept: bool = True) -> Iterator[None]:
        start = self._clock()
        try:
            yield
        finally:
            end = self._clock()
            if kept:
                self._last = round((end - start) * 1000)
                self._add(name, self._last)
            self._observe(name, start, end)

    def split_wait(self, stage: str, worked: int) -> None:
        """Count the milliseconds of the last stage beyond ``worked`` as "wait"."""
        wait = max(0, self._last - worked)
        self._add(stage, -wait)
        self._add("wait", wait)

    def _add(self, stage: str, milliseconds: int) -> None:
        self.by_stage[stage] = self.by_stage.get(stage, 0) + milliseconds


@dataclass(frozen=True, slots=True)
class Worker:
    """Processes one object at a time, and keeps no state between objects: threads may share it.

    Args:
        request_seconds: the longest one request can take, retries included.
        removals: whether the variants of a removed object are removed as well.
        backoff: the pauses between rounds against other writers.
        execute: runs the requests for the variants of one object.
        clock: seconds since the epoch.
    """

    store: Store
    ledger: DynamoLedger
    render: Render
    recipe: Recipe
    uploads_bucket: str
    prefix: str
    removals: bool
    request_seconds: float
    backoff: Backoff
    execute: Executor = in_this_thread
    clock: Callable[[], float] = time.time
    observe: Observe = lambda _name, _start, _end: None

    def handle(self, event: Event, delivery: Delivery) -> Outcome:
        """Bring the variants of the event's object to its version in the uploads bucket.

        Raises:
            Rejected, Retryable, Busy: as in the error tree; after a claim, the ledger has the reason.
            NotStarted: rendering would outlast the invocation; the claim was released.
        """
        if event.bucket != self.uploads_bucket or not event.key.startswith(self.prefix):
            raise MalformedMessage(f"{event.bucket}/{event.key} is not below {self.uploads_bucket}/{self.prefix}")
        if isinstance(event, ObjectRemoved):
            return self._remove(event, delivery)
        if self.recipe.ignores(event.key.removeprefix(self.prefix), event.size):
            return Outcome(Kind.IGNORED)
        return self._create(event, delivery)

    def _create(self, event: ObjectCreated, delivery: Delivery) -> Outcome:
        timings = Timings(self.clock, self.observe)
        with timings.stage("claim", kept=False):
            claim = self._claim(event, delivery)
        if claim is None:
            return Outcome(Kind.DUPLICATE)
        with self._recording_failures(claim, delivery):
            publication = self._publication(claim, event.key)
            while True:  # the publication limits the rounds
                image, now = self._publish(event, publication, timings, claim)
                if now != event.etag:
                    status = Status.REMOVED if now is None else Status.SUPERSEDED
                    with timings.stage("complete", kept=False):
                        self.ledger.close(claim, status)
                    return Outcome(Kind(status.lower()), claim.attempt, timings.by_stage, puts=publication.puts)
                if image is not None:
                    with timings.stage("complete", kept=False):
                        self.ledger.complete(claim, image)
                    return Outcome(Kind.DONE, claim.attempt, timings.by_stage, image.size_bytes, publication.puts)

    def _publish(
        self, event: ObjectCreated, publication: Publication, timings: Timings, claim: Claim
    ) -> tuple[ImageRecord | None, object]:
        """Fetch, render, publish and reconcile; the new record, and the version that is in the uploads bucket now."""
        image = None
        try:
            kept = publication.survey(claim.image.variants if claim.image else (), event.etag)
            missing = [spec.name for spec in self.recipe.variants if spec.name not in kept]
            if claim.image is not None and not missing:
                image = replace(claim.image, variants=tuple(kept.values()))
            else:
                with timings.stage("fetch"):
                    original = self.store.fetch(event.key, event.etag, max_bytes=self.recipe.limits.max_bytes)
                with timings.stage("render"):
                    rendered = publication.render(original.body, missing)
                if rendered.milliseconds is not None:
                    timings.split_wait("render", rendered.milliseconds)
                with timings.stage("publish"):
                    made = kept | publication.publish(rendered, event.etag)
                variants = tuple(made[spec.name] for spec in self.recipe.variants)
                image = _image(original, rendered, variants, timings.by_stage)
            with timings.stage("reconcile", kept=False):
                return image, publication.reconcile(event.etag)
        except SourceChanged as change:
            if claim.earlier or publication.wrote:
                with timings.stage("reconcile", kept=False):
                    return image, publication.reconcile(UNKNOWN)
            return None, None if isinstance(change, SourceGone) else UNKNOWN

    def _remove(self, event: ObjectRemoved, delivery: Delivery) -> Outcome:
        """Remove the variants of an object that is gone, or reconcile those of an object that exists again.

        Removals have an item of their own to claim, so that no version's item changes.
        """
        if not self.removals:
            return Outcome(Kind.IGNORED)
        timings = Timings(self.clock, self.observe)
        with timings.stage("claim", kept=False):
            claim = self.ledger.claim(Version(event.bucket, event.key, REMOVED_KEY), delivery)
        if not isinstance(claim, Claim):
            raise AssertionError("removals are never DONE")
        with self._recording_failures(claim, delivery):
            with timings.stage("reconcile", kept=False):
                now = self._publication(claim, event.key).reconcile(UNKNOWN)
            with timings.stage("complete", kept=False):
                self.ledger.close(claim, Status.REMOVED if now is None else Status.SUPERSEDED)
            return Outcome(Kind.REMOVED if now is None else Kind.SUPERSEDED, claim.attempt)

    def _claim(self, event: ObjectCreated, delivery: Delivery) -> Claim | None:
        """Claim the version; None when it is done already and every variant exists."""
        version = Version(event.bucket, event.key, event.etag)
        about = {"uploaded_at": event.time, "sequencer": event.sequencer}
        finished = None
        for _ in range(CLAIMS):
            claim = self.ledger.claim(version, delivery, about=about, over=finished)
            if isinstance(claim, Claim):
                return claim
            if is_complete(self.store, self.execute, plan_of(self.recipe, event.key, prefix=self.prefix), claim):
                return None
            finished = claim
        raise Conflict(f"claim {version.object}: other workers finished it {CLAIMS} times, and variants are missing")

    def _publication(self, claim: Claim, key: str) -> Publication:
        lease = Lease(claim.lease_until, clock=self.clock, request_seconds=self.request_seconds, backoff=self.backoff)
        plan = plan_of(self.recipe, key, prefix=self.prefix)
        return Publication(self.store, self.execute, self.render, plan, lease, key=key, keep_orphans=not self.removals)

    @contextmanager
    def _recording_failures(self, claim: Claim, delivery: Delivery) -> Iterator[None]:
        """Record the reason of a failure under a claim; release the claim of work that did not start. Raises it again.

        A failure of the ledger must not hide the first failure: it is added as a note.
        """
        try:
            yield
        except LeaseLost:
            raise  # the record is another worker's
        except Exception as error:
            try:
                if isinstance(error, NotStarted):
                    self.ledger.release(claim)
                elif isinstance(error, Rejected):
                    self.ledger.reject(claim, reason_of(error), delivery)
                else:
                    self.ledger.fail(claim, reason_of(error), delivery)
            except DarkroomError as second:
                error.add_note(f"the reason could not be recorded: {second}")
            raise


def _image(
    original: SourceObject, rendered: Rendered, variants: tuple[VariantRecord, ...], timings: dict[str, int]
) -> ImageRecord:
    source = rendered.source
    return ImageRecord(
        image_format=source.image_format,
        mode=source.mode,
        width=source.width,
        height=source.height,
        size_bytes=len(original.body),
        content_type=original.content_type,
        has_transparency=source.has_transparency,
        created_date=source.created_date,
        variants=variants,
        lost=rendered.lost,
        timings=timings,
        **asdict(rendered.preview),
    )
