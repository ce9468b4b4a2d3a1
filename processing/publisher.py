"""The variants of one object, brought to agree with the uploads bucket and kept so: the event is a hint, the bucket
is the truth.

Every write is conditional on what was seen just before it, so that an older picture never covers an acknowledged
newer one; and a worker that has written looks at the source again before its message is acknowledged
(`Publication.reconcile`), so that the end is right whatever came in between::

    W1 (version A)   PUT phone=A                        PUT tablet=A  look: source is B -> bring all to B
    W2 (version B)                PUT phone=B  PUT tablet=B  look: B -> done

S3 has no fencing: nothing can stop a request that was sent. So none is sent that could outlive the lease.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from processing.backoff import Backoff
from processing.errors import (
    CustomerKeyRequired,
    NotStarted,
    OutOfTime,
    PreconditionFailed,
    Rejected,
    SourceChanged,
    SourceReplaced,
)
from processing.ledger import VariantRecord
from processing.picture import Rendered, RenderedVariant
from processing.published import is_as_good, is_from, stands
from processing.recipe import Recipe
from processing.storage.objects import NewVariant, Published, Store

UNKNOWN: Final = object()  # a version that cannot be told: of the source, or of what stands in the variants bucket


class Render(Protocol):
    """Makes variants of the recipe: all of them, or those with the names in ``only``, with the same bytes."""

    def __call__(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered: ...


@dataclass(frozen=True, slots=True)
class Lease:
    """How long this worker may write: until ``until``, by the clock that is given; times in seconds.

    ``request_seconds`` is the longest one request can take, retries included.
    """

    until: float
    clock: Callable[[], float]
    request_seconds: float

    def check(self, pause: float = 0.0) -> None:
        """Raises:
        OutOfTime: a request sent now, or after a pause, could be answered after the lease has ended.
        """
        left = self.until - self.clock() - pause
        if left < self.request_seconds:
            raise OutOfTime(f"the lease ends in {left:.1f} s and a request may take {self.request_seconds:.1f} s")


class Publication:
    """The work of one message on the variants of one object, under one lease.

    Args:
        key: the object's key in the uploads bucket.
        variant_keys: the key of each variant, by the variant's name.
        keep_orphans: leave the variants of a source that is gone where they are.
        backoff: makes the pauses between rounds against other writers.
    """

    def __init__(
        self,
        store: Store,
        render: Render,
        recipe: Recipe,
        lease: Lease,
        *,
        key: str,
        variant_keys: Mapping[str, str],
        keep_orphans: bool,
        backoff: Backoff,
    ) -> None:
        self._store = store
        self._render = render
        self._recipe = recipe
        self._lease = lease
        self._key = key
        self.keys = variant_keys
        self._keep_orphans = keep_orphans
        self._contest = backoff.contest(lease.check)
        self._looks = self._contest.rounds(f"s3:HeadObject {key}")
        self._seen: dict[str, Published | None] = {}  # by the variant's name, as `survey` found them
        self.wrote = False  # a request that was never answered counts

    def survey(self, recorded: Sequence[VariantRecord], etag: str) -> dict[str, VariantRecord]:
        """Look at the variants that a record of the version ``etag`` speaks of, one HEAD each.

        Returns:
            By name, those that are there, up to date, and need not be made; what is there of the others is remembered,
            so that it is overwritten without a try that would be refused.
        """
        known = {made.name: made for made in recorded if self.keys.get(made.name) == made.key}
        self._seen = {name: self._store.variant(made.key) for name, made in known.items()}
        return {
            spec.name: known[spec.name]
            for spec in self._recipe.variants
            if spec.name in known and stands(known[spec.name], self._seen[spec.name], spec, etag)
        }

    def render(self, data: bytes, only: Collection[str]) -> Rendered:
        """Make the variants with these names.

        Raises:
            OutOfTime: too little time was left to begin, and something was written before: so this was an attempt.
        """
        try:
            return self._render(data, self._recipe, only)
        except NotStarted as error:
            if self.wrote:
                raise OutOfTime(str(error)) from error
            raise

    def publish(self, rendered: Rendered, etag: str) -> dict[str, VariantRecord]:
        """Write each variant of the version ``etag``, unless it is there already; what to record of each, by name.

        Raises:
            SourceReplaced: the source has changed, or is gone; some variants may be written.
            OutOfTime: the lease is about to end.
            Conflict: writes were refused again and again.
        """
        return {made.name: self._put(made, etag, over=self._seen.get(made.name)) for made in rendered.variants}

    def reconcile(self, published: object) -> object:
        """Bring the variants to what the source is now, and look again, until nothing has changed.

        Args:
            published: the version all variants were last brought to, None for none, or ``UNKNOWN``.

        Returns:
            The version that is there now; None when the source is gone; ``UNKNOWN`` when it is one that cannot be read.

        Raises:
            Conflict: the source has changed again and again, in all looks of this work together.
        """
        for _ in self._looks:
            now = self._source()
            if now in (published, UNKNOWN):
                break
            try:
                if isinstance(now, str):
                    self._bring_to(now)
                else:
                    self._remove_all()
            except SourceChanged:
                published = UNKNOWN
            else:
                published = now
        return now

    def _source(self) -> object:
        """The source's version, as `look` returns it: one that only its uploader can read is left to its own event."""
        try:
            return self._store.source_etag(self._key)
        except CustomerKeyRequired:
            return UNKNOWN

    def _bring_to(self, etag: str) -> None:
        """Publish another version than the message's own, leaving alone what is already of it."""
        there = {name: self._store.variant(key) for name, key in self.keys.items()}
        stale = {name: seen for name, seen in there.items() if not is_from(seen, etag)}
        if not stale:
            return
        try:
            original = self._store.fetch(self._key, etag, max_bytes=self._recipe.limits.max_bytes)
            rendered = self.render(original.body, stale)
        except Rejected:
            return  # its own message will tell; the older pictures stay
        for variant in rendered.variants:
            self._put(variant, etag, over=stale[variant.name])

    def _put(self, made: RenderedVariant, etag: str, *, over: Published | None) -> VariantRecord:
        """Write a variant over what was seen there before the source was, unless that is as good."""
        spec = next(spec for spec in self._recipe.variants if spec.name == made.name)
        new = NewVariant(self.keys[made.name], made.data, made.content_type, etag, spec.fingerprint(made.format))
        for number in self._contest.rounds(f"s3:PutObject {new.key}"):
            if number:
                over = self._store.variant(new.key)
            if over is not None and is_as_good(over, new, spec):
                return _recorded(made, new, stored_as=over.fingerprint)
            if number:
                self._check_source(etag)
            self._lease.check()
            self.wrote = True
            try:
                self._store.put(new, over=None if over is None else over.etag)
            except PreconditionFailed:
                continue
            break
        return _recorded(made, new, stored_as=new.fingerprint)

    def _check_source(self, etag: str) -> None:
        if self._source() != etag:
            raise SourceReplaced(f"{self._key} is no longer {etag}")

    def _remove_all(self) -> None:
        if not self._keep_orphans:
            for key in self.keys.values():
                self._delete(key)

    def _delete(self, key: str) -> None:
        """Delete what is there; who publishes meanwhile is judged anew."""
        for _ in self._contest.rounds(f"s3:DeleteObject {key}"):
            if (seen := self._store.variant(key)) is None:
                return
            self._lease.check()
            self.wrote = True
            try:
                self._store.delete(key, etag=seen.etag)
            except PreconditionFailed:
                continue
            return


def _recorded(made: RenderedVariant, new: NewVariant, *, stored_as: str) -> VariantRecord:
    return VariantRecord(
        name=made.name,
        key=new.key,
        format=made.format,
        width=made.width,
        height=made.height,
        bytes=len(made.data),
        fingerprint=new.fingerprint,
        stored_as="" if stored_as == new.fingerprint else stored_as,
    )
