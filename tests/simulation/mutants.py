"""The rules of the protocol, each taken away: what the simulator must be able to see.

Each mutant is a context manager that breaks one rule of the real code, or of the doubles where the rule is a condition
that DynamoDB or S3 enforces, and mends it again.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from processing import batch, concurrency, publisher, worker
from processing.batch import Batch
from processing.concurrency import Lease
from processing.errors import NotStarted, PreconditionFailed
from processing.ledger import REMOVED_KEY, Claim, DynamoLedger, Status, dynamo
from processing.naming import ObjectPlan
from processing.outcome import Kind, Outcome
from processing.publisher import UNKNOWN, Publication
from processing.sandbox.renderer import Answer, Image, Renderer
from processing.storage.objects import SourceObject
from processing.worker import Worker
from tests.doubles import MemoryStore
from tests.memory_dynamodb import MemoryDynamoDB
from tests.simulation import simulator


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def no_if_match_on_read() -> Any:
    """Whatever is there is taken for the version of the event."""
    real = MemoryStore.fetch

    def fetch(self: MemoryStore, key: str, etag: str, *, max_bytes: int) -> SourceObject:
        now = self.source_etag(key)
        return real(self, key, now if now is not None else etag, max_bytes=max_bytes)

    return replaced(MemoryStore, "fetch", fetch)


def no_last_look() -> Any:
    """What was published is taken for what is there."""
    real = Publication.reconcile

    def look(self: Publication, published: object) -> Any:
        return published if isinstance(published, str) else real(self, published)

    return replaced(Publication, "reconcile", look)


def _superseded_looks_when(rule: Callable[[bool, bool], bool]) -> Any:
    real = Worker._publish

    def publish(self: Worker, event: Any, publication: Any, timings: Any, claim: Claim) -> Any:
        look = publication.reconcile

        def sometimes(published: object) -> Any:
            if published is not UNKNOWN or rule(claim.earlier, publication.wrote):
                return look(published)
            return None if self.store.source_etag(event.key) is None else UNKNOWN

        publication.reconcile = sometimes  # on this one only: other workers run in between
        return real(self, event, publication, timings, claim)

    return replaced(Worker, "_publish", publish)


def no_look_after_an_earlier_attempt() -> Any:
    """A superseded message looks only when this very attempt has written."""
    return _superseded_looks_when(lambda _earlier, wrote: wrote)


def no_look_after_an_own_write() -> Any:
    """A superseded message looks only when the record shows an earlier attempt."""
    return _superseded_looks_when(lambda earlier, _wrote: earlier)


def _only_one_head(index: int) -> Any:
    real = publisher.is_complete

    def is_complete(store: Any, execute: Any, plan: ObjectPlan, record: Any) -> bool:
        one = replace(plan.recipe, variants=(plan.recipe.variants[index],))
        return real(store, execute, replace(plan, recipe=one), record)

    return replaced(worker, "is_complete", is_complete)


def only_the_first_variant_is_looked_at() -> Any:
    """One HEAD decides whether a finished version is complete."""
    return _only_one_head(0)


def only_the_last_variant_is_looked_at() -> Any:
    """One HEAD decides whether a finished version is complete."""
    return _only_one_head(-1)


def no_claim_of_removals() -> Any:
    """Removals keep nobody away."""
    real = MemoryDynamoDB.update_item

    def update_item(self: MemoryDynamoDB, **parameters: Any) -> Any:
        thing, etag = (parameters["Key"][name]["S"] for name in ("object", "etag"))
        if etag == REMOVED_KEY and ":lease_until" in parameters["ExpressionAttributeValues"]:
            self._items.pop((thing, etag), None)
        return real(self, **parameters)

    return replaced(MemoryDynamoDB, "update_item", update_item)


def no_look_after_a_removal() -> Any:
    """A removal that has deleted what it saw is over."""
    real = Publication.reconcile

    def look(self: Publication, published: object) -> Any:
        if published is UNKNOWN and self._store.source_etag(self._key) is None:
            self._remove_all()
            return None
        return real(self, published)

    return replaced(Publication, "reconcile", look)


def a_removal_that_finds_the_source_does_nothing() -> Any:
    """Whoever uploaded it again will see to its variants."""

    def nothing_unless_it_wrote(made: Any) -> None:
        bring = made._bring_to
        made._bring_to = lambda etag: bring(etag) if made.wrote else None

    return _removals_that(nothing_unless_it_wrote)


def removals_trust_the_record() -> Any:
    """What a removal deletes is what the record said was published when the removal began."""

    def known_only(made: Any) -> None:
        items = [item for (thing, _), item in made.table.items.items() if thing.endswith(made._key)]
        known = {variant["key"] for item in items for variant in item.get("variants", ())}
        made.keys = {name: variant for name, variant in made.keys.items() if variant in known}

    return _removals_that(known_only)


def _removals_that(change: Callable[[Any], None]) -> Any:
    real = Worker._publication

    def publication(self: Any, claim: Claim, key: str) -> Any:
        made: Any = real(self, claim, key)
        if claim.version.etag == REMOVED_KEY:
            made.table = _table_of(self)
            change(made)
        return made

    return replaced(Worker, "_publication", publication)


def removals_mark_the_versions() -> Any:
    """A removal that is over marks every version of its object."""
    real = Worker._remove

    def remove(self: Any, event: Any, delivery: Any) -> Any:
        outcome = real(self, event, delivery)
        if outcome.kind is Kind.REMOVED:
            items = _table_of(self)._items
            for (thing, etag), item in items.items():
                if thing.endswith(event.key):
                    items[thing, etag] = {**item, "status": {"S": Status.REMOVED}}
        return outcome

    return replaced(Worker, "_remove", remove)


def requests_may_outlive_the_lease() -> Any:
    """A worker that was frozen goes on as if nothing had been."""
    return replaced(Lease, "check", lambda _: None)


def removals_may_outlive_the_lease() -> Any:
    """A removal that was frozen goes on as if nothing had been."""

    def for_ever(made: Any) -> None:
        made._lease._until = math.inf

    return _removals_that(for_ever)


def a_refused_delete_is_left() -> Any:
    """Who published meanwhile will look, if that is why it was refused."""

    def delete(self: Publication, key: str, lease: Lease) -> None:
        seen = self._store.variant(key)
        if seen is not None:
            self._begin_write(lease)
            with suppress(PreconditionFailed):
                self._store.delete(key, etag=seen.etag)

    return replaced(Publication, "_delete", delete)


def a_failure_does_not_wait_for_the_other_requests() -> Any:
    """What was put in parallel is over when one part has failed; the threads of the others run on."""
    real = concurrency.results

    def results(execute: Any, work: Any, items: Any) -> Any:
        def attempt(item: Any) -> Any:
            try:
                return work(item)
            except Exception:
                execute.__self__._running().invocation.awaited.clear()
                raise

        return real(execute, attempt, items)

    return replaced(concurrency, "results", results)


def _table_of(worker: Worker) -> MemoryDynamoDB:
    table: MemoryDynamoDB = worker.ledger._dynamodb._port
    return table


def no_token_condition() -> Any:
    """Whoever writes to the record last is right."""
    real = DynamoLedger._update

    def update(self: DynamoLedger, version: Any, expression: str, condition: str, values: Any) -> Any:
        if "#owner = :owner" in condition:
            condition = f"{condition} OR attribute_exists(#owner)"
        return real(self, version, expression, condition, values)

    return replaced(DynamoLedger, "_update", update)


def a_claim_of_ones_own_is_no_earlier_attempt() -> Any:
    """A claim that meets its own token counts as the first attempt, whatever the record says of attempts before."""
    real = DynamoLedger._explain

    def explain(self: DynamoLedger, item: Any, claim: Claim, *rest: Any) -> Any:
        found = real(self, item, claim, *rest)
        if isinstance(found, Claim) and found.owner == claim.owner:
            return replace(found, earlier=False)
        return found

    return replaced(DynamoLedger, "_explain", explain)


def any_refusal_is_a_refused_condition() -> Any:
    """A throttled write says that the record is another worker's."""
    return replaced(dynamo, "code_of", lambda _: "ConditionalCheckFailedException")


def a_release_without_a_condition() -> Any:
    """A claim is given back whoever holds it, and once for each time that the request is sent."""
    real = DynamoLedger._update

    def update(self: DynamoLedger, version: Any, expression: str, condition: str, values: Any) -> Any:
        if expression.startswith("REMOVE #lease_until ADD"):
            condition = f"{condition} OR attribute_exists(#owner)"
        return real(self, version, expression, condition, values)

    return replaced(DynamoLedger, "_update", update)


def a_lease_shorter_than_the_function() -> Any:
    """A living worker can lose its claim."""
    return replaced(simulator, "LEASE", 30.0)


def everything_is_acknowledged() -> Any:
    """The list of failures is empty."""
    real = Batch.process

    def process(self: Batch, *args: Any, **rest: Any) -> Any:
        real(self, *args, **rest)
        return {"batchItemFailures": []}

    return replaced(Batch, "process", process)


def a_failure_takes_its_batch_along() -> Any:
    """One failure is all failures."""
    real = Batch.process

    def process(self: Batch, messages: Any, **rest: Any) -> Any:
        failed = real(self, messages, **rest)["batchItemFailures"]
        return {"batchItemFailures": [{"itemIdentifier": m.id} for m in messages] if failed else []}

    return replaced(Batch, "process", process)


def a_late_start_after_a_write_was_no_attempt() -> Any:
    """The claim is given back as if nothing had been written under it."""

    def render(self: Publication, data: bytes, only: Any) -> Any:
        return self._render(data, self._recipe, only)

    return replaced(Publication, "render", render)


def conflicts_are_fought_to_the_end() -> Any:
    """A write that is refused is tried again at once, until it is not."""
    return replaced(Lease, "rounds", lambda *_: itertools.count())


def claims_are_fought_to_the_end() -> Any:
    """A version that others finish, incomplete, is claimed until it is not."""
    return replaced(worker, "CLAIMS", 1_000_000)


def any_answer_is_taken() -> Any:
    """What a renderer says next is taken for the answer to what it was asked last."""

    def exchange(self: Renderer, image: Image, question: Any, seconds: float) -> Answer:
        self._channel.send({"number": 0, "image": image.digest, "sends_image": True, **question}, [image.data])
        message, body = self._channel.receive(seconds)
        return Answer(message, body, is_last=False)

    return replaced(Renderer, "_exchange", exchange)


def a_timeout_too_short_for_the_batch() -> Any:
    """As it was: a minute, in which a batch of heavy images cannot be worked off."""
    return replaced(simulator, "TIMEOUT", 60.0)


def a_killed_batch_is_forgotten() -> Any:
    """What a dead environment had is gone, as if it had been acknowledged."""
    real = simulator.World._bury

    def bury(self: simulator.World, invocation: Any) -> None:
        real(self, invocation)
        for message in invocation.messages:
            self.queue.delete(message.handle)

    return replaced(simulator.World, "_bury", bury)


def what_was_not_started_is_no_failure() -> Any:
    """A message that came too late in its invocation is acknowledged."""
    real = batch.fate_of

    def fate_of(result: Any, **about: Any) -> Any:
        return real(Outcome(Kind.IGNORED) if isinstance(result, NotStarted) else result, **about)

    return replaced(batch, "fate_of", fate_of)


MUTANTS: tuple[Callable[[], Any], ...] = (
    no_if_match_on_read,
    no_last_look,
    no_look_after_an_earlier_attempt,
    no_look_after_an_own_write,
    only_the_first_variant_is_looked_at,
    only_the_last_variant_is_looked_at,
    no_claim_of_removals,
    no_look_after_a_removal,
    a_removal_that_finds_the_source_does_nothing,
    no_token_condition,
    any_refusal_is_a_refused_condition,
    a_lease_shorter_than_the_function,
    everything_is_acknowledged,
    a_failure_takes_its_batch_along,
    a_failure_does_not_wait_for_the_other_requests,
    conflicts_are_fought_to_the_end,
    any_answer_is_taken,
    a_timeout_too_short_for_the_batch,
    a_killed_batch_is_forgotten,
    what_was_not_started_is_no_failure,
)

FOUND: dict[Callable[[], Any], int] = {
    no_look_after_an_earlier_attempt: 4100,
    no_look_after_an_own_write: 2383,
    only_the_first_variant_is_looked_at: 344,
    only_the_last_variant_is_looked_at: 461,
    no_look_after_a_removal: 466,
    a_removal_that_finds_the_source_does_nothing: 1220,
    a_failure_does_not_wait_for_the_other_requests: 1311,
}
"""Seeds at which a campaign found those that few histories show: where their search begins, to take less time."""
