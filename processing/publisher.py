"""The variants of one object, brought to agree with the uploads bucket and kept so: the event is a hint, the bucket
is the truth.

Every write is conditional on what was seen just before it, so that an older picture never covers an acknowledged
newer one; and whoever has written looks at the source again before its message is acknowledged (`Publication.look`),
so that the end is right whatever came in between::

    W1 (version A)   PUT phone=A                        PUT tablet=A  look: source is B -> bring all to B
    W2 (version B)                PUT phone=B  PUT tablet=B  look: B -> done

S3 has no fencing: nothing can stop a request that was sent. So none is sent that could outlive the lease.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

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
from processing.picture import Rendered, RenderedVariant
from processing.recipe import Recipe
from processing.store import NewVariant, Published, Store

Render = Callable[[bytes, Recipe], Rendered]

UNKNOWN: Final = object()  # a version that cannot be told: of the source, or of what stands in the variants bucket


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
        backoff: the rounds there are against other writers.
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
        self._backoff = backoff
        self._looks = self._rounds(f"s3:HeadObject {key}")
        self.wrote = False  # a request that was never answered counts

    def render(self, data: bytes) -> Rendered:
        """Make the variants.

        Raises:
            OutOfTime: too little time was left to begin, and something was written before: so this was an attempt.
        """
        try:
            return self._render(data, self._recipe)
        except NotStarted as error:
            if self.wrote:
                raise OutOfTime(str(error)) from error
            raise

    def publish(self, rendered: Rendered, etag: str) -> None:
        """Write each variant of the version ``etag``, unless it is there already.

        Raises:
            SourceReplaced: the source has changed, or is gone; some variants may be written.
            OutOfTime: the lease is about to end.
            Conflict: writes were refused again and again.
        """
        for variant in rendered.variants:
            self._put(self._new(variant, etag), over=None)

    def look(self, published: object) -> object:
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
        stale = {name: seen for name, seen in there.items() if not _is_from(seen, etag)}
        if not stale:
            return
        try:
            original = self._store.fetch(self._key, etag, max_bytes=self._recipe.limits.max_bytes)
            rendered = self.render(original.body)
        except Rejected:
            return  # its own message will tell; the older pictures stay
        for variant in rendered.variants:
            if variant.name in stale:
                self._put(self._new(variant, etag), over=stale[variant.name])

    def _put(self, new: NewVariant, *, over: Published | None) -> None:
        """Write a variant over what was seen there before the source was."""
        for number in self._rounds(f"s3:PutObject {new.key}"):
            if number:
                over = self._store.variant(new.key)
                if self._is_of(over, new.source_etag):
                    return
                self._check_source(new.source_etag)
            self._lease.check()
            self.wrote = True
            try:
                self._store.put(new, over=None if over is None else over.etag)
            except PreconditionFailed:
                continue
            return

    def _check_source(self, etag: str) -> None:
        if self._source() != etag:
            raise SourceReplaced(f"{self._key} is no longer {etag}")

    def _remove_all(self) -> None:
        if not self._keep_orphans:
            for key in self.keys.values():
                self._delete(key)

    def _delete(self, key: str) -> None:
        """Delete what is there; who publishes meanwhile is judged anew."""
        for _ in self._rounds(f"s3:DeleteObject {key}"):
            if (seen := self._store.variant(key)) is None:
                return
            self._lease.check()
            self.wrote = True
            try:
                self._store.delete(key, etag=seen.etag)
            except PreconditionFailed:
                continue
            return

    def _rounds(self, operation: str) -> Iterator[int]:
        return self._backoff.rounds(operation, self._lease.check)

    def _is_of(self, seen: Published | None, etag: str) -> bool:
        return _is_from(seen, etag, self._recipe.fingerprint)

    def _new(self, variant: RenderedVariant, etag: str) -> NewVariant:
        return NewVariant(
            key=self.keys[variant.name],
            body=variant.data,
            content_type=variant.content_type,
            source_etag=etag,
            recipe=self._recipe.fingerprint,
        )


def is_complete(store: Store, variant_keys: Iterable[str], *, etag: str, recipe: str) -> bool:
    """Whether every variant is there, of this version and this recipe; one HEAD each."""
    return all(_is_from(store.variant(key), etag, recipe) for key in variant_keys)


def _is_from(seen: Published | None, etag: str, recipe: str | None = None) -> bool:
    return seen is not None and seen.source_etag == etag and recipe in (None, seen.recipe)
