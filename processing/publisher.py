"""Publishes the variants of one object, and reconciles them with the uploads bucket: the bucket decides, not the event.

Every write is conditional on the state that was read just before it, so that an older version never overwrites an
acknowledged newer one. A worker that has written reads the source again before its message is acknowledged
(`Publication.reconcile`), so that the final state is right whatever other workers did in between::

    W1 (version A)   PUT phone=A                        PUT tablet=A  HEAD source: B -> bring all to B
    W2 (version B)                PUT phone=B  PUT tablet=B  HEAD source: B -> done

S3 has no fencing: a request that was sent cannot be stopped. So no request is sent that could outlive the lease.
"""

from collections.abc import Collection, Sequence
from typing import Final, TypeGuard

from processing.backoff import Lease
from processing.errors import (
    CustomerKeyRequired,
    NotStarted,
    OutOfTime,
    PreconditionFailed,
    Rejected,
    SourceChanged,
    SourceReplaced,
)
from processing.ledger import Record, VariantRecord
from processing.naming import ObjectPlan
from processing.picture import Render, Rendered, RenderedVariant
from processing.recipe import VariantSpec
from processing.storage.objects import NewVariant, Published, Store

UNKNOWN: Final = object()  # a version that is not known: of the source, or of the objects in the variants bucket


class Publication:
    """The work of one message on the variants of one object, under one lease.

    Args:
        plan: what is made of the object.
        key: the object's key in the uploads bucket.
        keep_orphans: whether the variants of a source that is gone are kept.
    """

    def __init__(
        self,
        store: Store,
        render: Render,
        plan: ObjectPlan,
        lease: Lease,
        *,
        key: str,
        keep_orphans: bool,
    ) -> None:
        self._store = store
        self._render = render
        self._recipe = plan.recipe
        self._lease = lease
        self._key = key
        self.keys = plan.keys
        self._keep_orphans = keep_orphans
        self._reconciliations = lease.rounds(f"s3:HeadObject {key}")
        self._seen: dict[str, Published | None] = {}  # by the variant's name, as `survey` found them
        self.wrote = False  # or sent a request that was not answered
        self.puts = 0  # requests to write a variant, refused ones among them

    def survey(self, recorded: Sequence[VariantRecord], etag: str) -> dict[str, VariantRecord]:
        """Check the variants in a record of the version ``etag``, one HEAD each.

        Returns:
            By name, those that exist and are up to date. The state of the others is kept, so that the first PUT
            already has the right condition.
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
            OutOfTime: too little time was left to begin, after a write: so this was an attempt.
        """
        try:
            return self._render(data, self._recipe, only)
        except NotStarted as error:
            if self.wrote:
                raise OutOfTime(str(error)) from error
            raise

    def publish(self, rendered: Rendered, etag: str) -> dict[str, VariantRecord]:
        """Write each variant of the version ``etag``, unless it exists already; the record of each, by name.

        Raises:
            SourceReplaced: the source has changed, or is gone; some variants may be written.
            OutOfTime: the lease is about to end.
            Conflict: writes were refused in every round.
        """
        return {made.name: self._put(made, etag, over=self._seen.get(made.name)) for made in rendered.variants}

    def reconcile(self, published: object) -> object:
        """Bring the variants to the current version of the source, and check it again, until nothing has changed.

        Args:
            published: the version that all variants were last brought to, None for none, or ``UNKNOWN``.

        Returns:
            The current version; None when the source is gone; ``UNKNOWN`` when it cannot be read.

        Raises:
            Conflict: the source has changed in every round of this publication.
        """
        for _ in self._reconciliations:
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
        """The source's version, as `reconcile` returns it."""
        try:
            return self._store.source_etag(self._key)
        except CustomerKeyRequired:
            return UNKNOWN  # it is left to its own event

    def _bring_to(self, etag: str) -> None:
        """Publish another version than the message's own, except the variants that already are of that version."""
        there = {name: self._store.variant(key) for name, key in self.keys.items()}
        stale = {name: seen for name, seen in there.items() if not is_from(seen, etag)}
        if not stale:
            return
        try:
            original = self._store.fetch(self._key, etag, max_bytes=self._recipe.limits.max_bytes)
            rendered = self.render(original.body, stale)
        except Rejected:
            return  # its own message reports that; the older variants stay
        for variant in rendered.variants:
            self._put(variant, etag, over=stale[variant.name])

    def _put(self, made: RenderedVariant, etag: str, *, over: Published | None) -> VariantRecord:
        """Write a variant over the one that was seen before the source was read, unless that one is the same."""
        spec = next(spec for spec in self._recipe.variants if spec.name == made.name)
        fingerprint = spec.fingerprint(made.format)
        new = NewVariant(self.keys[made.name], made.data, made.content_type, etag, fingerprint, spec.cache)
        for number in self._lease.rounds(f"s3:PutObject {new.key}"):
            if number:
                over = self._store.variant(new.key)
            if over is not None and is_as_good(over, new, spec):
                return _recorded(made, new, stored_as=over.fingerprint)
            if number and self._source() != etag:
                raise SourceReplaced(f"{self._key} is no longer the version {etag}")
            self._lease.check()
            self.wrote = True
            self.puts += 1
            try:
                self._store.put(new, over=None if over is None else over.etag)
            except PreconditionFailed:
                continue
            break
        return _recorded(made, new, stored_as=new.fingerprint)

    def _remove_all(self) -> None:
        if not self._keep_orphans:
            for key in self.keys.values():
                self._delete(key)

    def _delete(self, key: str) -> None:
        """Delete the variant under a key; one that is published meanwhile is checked again."""
        for _ in self._lease.rounds(f"s3:DeleteObject {key}"):
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


def is_complete(store: Store, plan: ObjectPlan, record: Record) -> bool:
    """Whether every variant of the plan is recorded as up to date and exists under its key; one HEAD each."""
    if to_make(plan, record.variants):
        return False
    made = {each.name: each for each in record.variants}
    return all(
        stands(made[spec.name], store.variant(made[spec.name].key), spec, record.version.etag)
        for spec in plan.recipe.variants
    )


def to_make(plan: ObjectPlan, recorded: Sequence[VariantRecord]) -> list[str]:
    """The names of the variants that are not recorded under their key and with the plan's settings."""
    made = {each.name: each for each in recorded if plan.keys.get(each.name) == each.key}
    return [
        spec.name
        for spec in plan.recipe.variants
        if spec.name not in made or not spec.is_current(made[spec.name].fingerprint)
    ]


def stands(made: VariantRecord, seen: Published | None, spec: VariantSpec, etag: str) -> bool:
    """Whether a recorded variant exists as it is recorded, and as the recipe makes it."""
    stored_as = made.stored_as or made.fingerprint
    return is_from(seen, etag) and spec.is_current(made.fingerprint) and seen.fingerprint == stored_as


def is_as_good(seen: Published, new: NewVariant, spec: VariantSpec) -> bool:
    """Whether the existing variant is the same: of the same version, with the same settings or the same bytes."""
    return is_from(seen, new.source_etag) and (spec.is_current(seen.fingerprint) or seen.digest == new.digest)


def is_from(seen: Published | None, etag: str) -> TypeGuard[Published]:
    return seen is not None and seen.source_etag == etag
