"""Publishes the variants of one object, and reconciles them with the uploads bucket: the bucket decides, not the event.

Every write is conditional on the state that was read just before it, so that an older version never overwrites an
acknowledged newer one. A worker that has written reads the source again before its message is acknowledged
(`Publication.reconcile`), so that the final state is right whatever other workers did in between::

    W1 (version A)   PUT phone=A                        PUT tablet=A  HEAD source: B -> bring all to B
    W2 (version B)                PUT phone=B  PUT tablet=B  HEAD source: B -> done

Requests for the variants of one object run in parallel, in any order. S3 has no fencing: a request that was sent cannot
be stopped. So no request is sent that could outlive the lease, and all have ended when a method returns or raises.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeGuard

from processing.concurrency import Executor, Lease, results
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
        execute: runs the requests for several variants, and what leads to them.
        plan: what is made of the object.
        key: the object's key in the uploads bucket.
        keep_orphans: whether the variants of a source that is gone are kept.
    """

    def __init__(
        self,
        store: Store,
        execute: Executor,
        render: Render,
        plan: ObjectPlan,
        lease: Lease,
        *,
        key: str,
        keep_orphans: bool,
    ) -> None:
        self._store = store
        self._execute = execute
        self._render = render
        self._recipe = plan.recipe
        self._lease = lease
        self._key = key
        self.keys = plan.keys
        self._keep_orphans = keep_orphans
        self._reconciliations = lease.rounds(f"s3:HeadObject {key}")
        self._seen: dict[str, Published | None] = {}  # by the variant's name, as `survey` found them
        self._counting = threading.Lock()
        self.wrote = False  # or sent a request that was not answered
        self.puts = 0  # requests to write a variant, refused ones among them

    def survey(self, recorded: Sequence[VariantRecord], etag: str) -> dict[str, VariantRecord]:
        """Check the variants in a record of the version ``etag``, one HEAD each.

        Returns:
            By name, those that exist and are up to date. The state of the others is kept, so that the first PUT
            already has the right condition.
        """
        known = {made.name: made for made in recorded if self.keys.get(made.name) == made.key}
        self._seen = existing(self._store, self._execute, {name: made.key for name, made in known.items()})
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
            Conflict: writes of one variant were refused in every round.
        """
        return self._put_all(rendered, etag, over=self._seen)

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
        there = existing(self._store, self._execute, self.keys)
        stale = {name: seen for name, seen in there.items() if not is_from(seen, etag)}
        if not stale:
            return
        try:
            original = self._store.fetch(self._key, etag, max_bytes=self._recipe.limits.max_bytes)
            rendered = self.render(original.body, stale)
        except Rejected:
            return  # its own message reports that; the older variants stay
        self._put_all(rendered, etag, over=stale)

    def _put_all(
        self, rendered: Rendered, etag: str, *, over: Mapping[str, Published | None]
    ) -> dict[str, VariantRecord]:
        records = self._lease.for_each(
            self._execute,
            lambda made, lease: self._put(made, etag, lease, over=over.get(made.name)),
            rendered.variants,
        )
        return {record.name: record for record in records}

    def _put(self, made: RenderedVariant, etag: str, lease: Lease, *, over: Published | None) -> VariantRecord:
        """Write a variant over the one that was seen before the source was read, unless that one is the same."""
        spec = next(spec for spec in self._recipe.variants if spec.name == made.name)
        fingerprint = spec.fingerprint(made.format)
        new = NewVariant(self.keys[made.name], made.data, made.content_type, etag, fingerprint, spec.cache)
        for number in lease.rounds(f"s3:PutObject {new.key}"):
            if number:
                over = self._store.variant(new.key)
            if over is not None and is_as_good(over, new, spec):
                return _recorded(made, new, stored_as=over.fingerprint)
            if number and self._source() != etag:
                raise SourceReplaced(f"{self._key} is no longer the version {etag}")
            self._begin_write(lease, puts=1)
            try:
                self._store.put(new, over=None if over is None else over.etag)
            except PreconditionFailed:
                continue
            break
        return _recorded(made, new, stored_as=new.fingerprint)

    def _remove_all(self) -> None:
        if not self._keep_orphans:
            self._lease.for_each(self._execute, self._delete, list(self.keys.values()))

    def _delete(self, key: str, lease: Lease) -> None:
        """Delete the variant under a key; one that is published meanwhile is checked again."""
        for _ in lease.rounds(f"s3:DeleteObject {key}"):
            if (seen := self._store.variant(key)) is None:
                return
            self._begin_write(lease)
            try:
                self._store.delete(key, etag=seen.etag)
            except PreconditionFailed:
                continue
            return

    def _begin_write(self, lease: Lease, *, puts: int = 0) -> None:
        """Check the lease, and note that a write is sent: right before it is, since it may never be answered."""
        lease.check()
        with self._counting:
            self.wrote = True
            self.puts += puts


def existing(store: Store, execute: Executor, keys: Mapping[str, str]) -> dict[str, Published | None]:
    """The variants under these keys, both by name; None where there is none. One HEAD each, in parallel."""
    return dict(zip(keys, results(execute, store.variant, list(keys.values())), strict=True))


def is_complete(store: Store, execute: Executor, plan: ObjectPlan, record: Record) -> bool:
    """Whether every variant of the plan is recorded as up to date and exists under its key; one HEAD each."""
    if record.to_make(plan):
        return False
    made = {each.name: each for each in record.variants}
    seen = existing(store, execute, {spec.name: made[spec.name].key for spec in plan.recipe.variants})
    return all(stands(made[spec.name], seen[spec.name], spec, record.version.etag) for spec in plan.recipe.variants)


def stands(made: VariantRecord, seen: Published | None, spec: VariantSpec, etag: str) -> bool:
    """Whether a recorded variant exists as it is recorded, and as the recipe makes it."""
    stored_as = made.stored_as or made.fingerprint
    return is_from(seen, etag) and spec.is_current(made.fingerprint) and seen.fingerprint == stored_as


def is_as_good(seen: Published, new: NewVariant, spec: VariantSpec) -> bool:
    """Whether the existing variant is the same: of the same version, with the same settings or the same bytes."""
    return is_from(seen, new.source_etag) and (spec.is_current(seen.fingerprint) or seen.digest == new.digest)


def is_from(seen: Published | None, etag: str) -> TypeGuard[Published]:
    return seen is not None and seen.source_etag == etag


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
