"""The story of one object: claim, fetch, render, publish, look, complete.

`Worker.handle` tells it; `publisher` knows how variants are brought to agree with the uploads bucket, `ledger` what
was decided before, and `batch` what an outcome or an exception means for the message.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from processing.backoff import Backoff
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
from processing.fingerprint import fingerprint_of, kind_of
from processing.ledger import (
    REMOVED_KEY,
    Claim,
    Delivery,
    DynamoLedger,
    ImageRecord,
    Reason,
    Status,
    VariantRecord,
    Version,
)
from processing.naming import variant_keys
from processing.picture import Rendered
from processing.published import is_complete
from processing.publisher import UNKNOWN, Lease, Publication, Render
from processing.recipe import Recipe
from processing.storage.objects import SourceObject, Store
from processing.timings import Timings

CLAIMS: Final = 3  # of a version that others finish, incomplete, in between


class Kind(StrEnum):
    """How the work on an object ended well."""

    DONE = "done"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REMOVED = "removed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work on one object ended; ``timings`` are milliseconds by stage."""

    kind: Kind
    attempt: int = 0
    timings: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Worker:
    """Works on one object at a time; holds no state between objects, so threads may share it.

    Args:
        request_seconds: the longest one request can take, retries included.
        removals: whether the variants of a removed object are removed as well.
        backoff: makes the pauses between rounds against other writers.
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
    clock: Callable[[], float] = time.time

    def handle(self, event: Event, delivery: Delivery) -> Outcome:
        """Bring the variants of the event's object to agree with the uploads bucket.

        Raises:
            Rejected, Retryable, Busy: as the error tree says; the ledger has the reason where there was a claim.
            NotStarted: rendering would outlast the invocation; the claim was given back.
        """
        if event.bucket != self.uploads_bucket or not event.key.startswith(self.prefix):
            raise MalformedMessage(f"{event.bucket}/{event.key} is not below {self.uploads_bucket}/{self.prefix}")
        if isinstance(event, ObjectRemoved):
            return self._remove(event, delivery)
        if event.key.endswith("/") and event.size == 0:
            return Outcome(Kind.IGNORED)  # the S3 console's way to show a folder
        return self._create(event, delivery)

    def _create(self, event: ObjectCreated, delivery: Delivery) -> Outcome:
        claim = self._claim(event, delivery)
        if claim is None:
            return Outcome(Kind.DUPLICATE)
        watch = Timings(self.clock)
        with self._reasons(claim, delivery):
            publication = self._publication(claim, event.key)
            while True:  # as often as the publication looks
                image, now = self._publish(event, publication, watch, claim)
                if now != event.etag:
                    status = Status.REMOVED if now is None else Status.SUPERSEDED
                    self.ledger.close(claim, status)
                    return Outcome(Kind(status.lower()), claim.attempt, watch.timings)
                if image is not None:
                    self.ledger.complete(claim, image)
                    return Outcome(Kind.DONE, claim.attempt, watch.timings, image.size_bytes)

    def _publish(
        self, event: ObjectCreated, publication: Publication, watch: Timings, claim: Claim
    ) -> tuple[ImageRecord | None, object]:
        """Fetch, render, publish and look; what was made, and the version that is in the uploads bucket now."""
        image = None
        try:
            kept = publication.survey(claim.image.variants if claim.image else (), event.etag)
            missing = [spec.name for spec in self.recipe.variants if spec.name not in kept]
            if claim.image is not None and not missing:
                return replace(claim.image, variants=tuple(kept.values())), publication.reconcile(event.etag)
            with watch("fetch"):
                original = self.store.fetch(event.key, event.etag, max_bytes=self.recipe.limits.max_bytes)
            with watch("render"):
                rendered = publication.render(original.body, missing)
            if rendered.milliseconds is not None:
                watch.waited("render", rendered.milliseconds)
            with watch("publish"):
                made = kept | publication.publish(rendered, event.etag)
            variants = tuple(made[spec.name] for spec in self.recipe.variants)
            image = _image(original, rendered, variants, watch.timings)
            return image, publication.reconcile(event.etag)
        except SourceChanged as change:
            if claim.earlier or publication.wrote:
                return image, publication.reconcile(UNKNOWN)
            return None, None if isinstance(change, SourceGone) else UNKNOWN

    def _remove(self, event: ObjectRemoved, delivery: Delivery) -> Outcome:
        """Remove the variants of an object that is gone; one that is back gets its variants instead.

        The claim is the removals' own, so that it marks no version's item.
        """
        if not self.removals:
            return Outcome(Kind.IGNORED)
        claim = self._claim_removals(event, delivery)
        with self._reasons(claim, delivery):
            now = self._publication(claim, event.key).reconcile(UNKNOWN)
            self.ledger.close(claim, Status.REMOVED)
            return Outcome(Kind.REMOVED if now is None else Kind.SUPERSEDED, claim.attempt)

    def _claim(self, event: ObjectCreated, delivery: Delivery) -> Claim | None:
        """Claim the version; None when it is done already and every variant is there."""
        version = Version(event.bucket, event.key, event.etag)
        about = {"uploaded_at": event.time, "sequencer": event.sequencer}
        known = {name: value for name, value in about.items() if value is not None}
        finished = None
        for _ in range(CLAIMS):
            claim = self.ledger.claim(version, delivery, about=known, over=finished)
            if isinstance(claim, Claim):
                return claim
            if is_complete(self.store, self.recipe, self._variant_keys(event.key), claim):
                return None
            finished = claim
        raise Conflict(f"claim {version.object}: finished by others, and incomplete, in {CLAIMS} rounds")

    def _claim_removals(self, event: ObjectRemoved, delivery: Delivery) -> Claim:
        claim = self.ledger.claim(Version(event.bucket, event.key, REMOVED_KEY), delivery)
        if not isinstance(claim, Claim):
            raise AssertionError("removals are never DONE, only REMOVED")
        return claim

    def _publication(self, claim: Claim, key: str) -> Publication:
        return Publication(
            self.store,
            self.render,
            self.recipe,
            Lease(claim.lease_until, self.clock, self.request_seconds),
            key=key,
            variant_keys=self._variant_keys(key),
            keep_orphans=not self.removals,
            backoff=self.backoff,
        )

    def _variant_keys(self, key: str) -> dict[str, str]:
        return variant_keys(key, prefix=self.prefix, formats={spec.name: spec.format for spec in self.recipe.variants})

    @contextmanager
    def _reasons(self, claim: Claim, delivery: Delivery) -> Iterator[None]:
        """Record why the work under a claim failed, and pass the failure on; what was not started was no attempt.

        A ledger that cannot be reached must not hide the first failure: it is added to it as a note.
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
                error.add_note(f"and the ledger could not be told: {second}")
            raise


def reason_of(error: BaseException) -> Reason:
    """What to remember of a failure; a bug has a fingerprint, the same for failures at the same place in the code."""
    if isinstance(error, DarkroomError):
        return Reason(error.cause, str(error))
    return Reason(kind_of(error), str(error), fingerprint_of(error))


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
    )
