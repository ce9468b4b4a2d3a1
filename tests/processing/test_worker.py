"""The story of one object, on the doubles."""

import itertools
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple, replace
from typing import Any

import pytest

from processing.concurrency import AT_ONCE, PAUSES, Backoff
from processing.errors import (
    Busy,
    Conflict,
    CorruptImage,
    CustomerKeyRequired,
    ImageTooLarge,
    MalformedMessage,
    NotStarted,
    OutOfTime,
    PreconditionFailed,
    RejectedEarlier,
    RenderBug,
    SourceReplaced,
    Unavailable,
    UnusableKey,
)
from processing.events import ObjectCreated, ObjectRemoved
from processing.ledger import REMOVED_KEY, Delivery, DynamoLedger, Version, reason_of
from processing.outcome import Kind
from processing.picture import Preview, Rendered
from processing.recipe import Recipe
from processing.storage.objects import SourceObject
from processing.worker import Worker
from tests.builders import BROKEN, UPLOADS, changed, fake_render, preview_of, recipe
from tests.doubles import MemoryStore
from tests.memory_dynamodb import MemoryDynamoDB
from tests.processing.conftest import CODE, LEASE, Clock, variant

KEY = "images/cat.jpg"
ONCE = Delivery("m1", 1, "request-1")
LATER = Delivery("m2", 1, "request-2")


class Counted:
    """A port whose requests are counted, by method."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.calls: list[str] = []
        self._at_put: tuple[int, Callable[[], object]] = (0, lambda: None)

    def after_puts(self, number: int, action: Callable[[], object]) -> None:
        """Do something as soon as so many variants were put."""
        self._at_put = (self.calls.count("put") + number, action)

    def put(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append("put")
        self._port.put(*args, **kwargs)
        if self.calls.count("put") == self._at_put[0]:
            self._at_put[1]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return method(*args, **kwargs)

        return counted


class Lab:
    """A worker on doubles, with the levers of an uploader."""

    def __init__(self, *names: str, removals: bool = True) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.counted = Counted(self.store)
        self._tokens = map("token-{}".format, itertools.count(1))
        made = recipe(*names)
        self.table = MemoryDynamoDB()
        self.ledger = self.ledger_of()
        self.worker = Worker(
            store=self.counted,
            ledger=self.ledger,
            render=fake_render,
            recipe=made,
            uploads_bucket=UPLOADS,
            prefix="images/",
            removals=removals,
            request_seconds=20,
            backoff=Backoff(random.Random(1), self.clock.sleep),
            clock=self.clock,
        )

    def ledger_of(self, kind: type[DynamoLedger] = DynamoLedger) -> DynamoLedger:
        return kind(
            self.table,
            table="images",
            code_version=CODE,
            lease_seconds=LEASE,
            clock=self.clock,
            new_token=lambda: next(self._tokens),
        )

    def deployed(self, made: Recipe) -> Worker:
        """The worker of another recipe, on the same buckets and table."""
        return replace(self.worker, recipe=made)

    def upload(self, body: bytes, key: str = KEY) -> ObjectCreated:
        return ObjectCreated(UPLOADS, key, self.store.upload(key, body), size=len(body))

    def status(self, event: ObjectCreated) -> str:
        return str(self.item(event)["status"])

    def item(self, event: ObjectCreated) -> Mapping[str, Any]:
        item = self.table.item(f"{UPLOADS}/{event.key}", event.etag)
        assert item is not None
        return item

    def shown(self) -> dict[str, bytes]:
        return {key: variant.body.split(b":")[-1] for key, variant in self.store.variants.items()}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_an_upload_becomes_its_variants_and_a_record(lab: Lab) -> None:
    event = lab.upload(b"A")

    outcome = lab.worker.handle(event, ONCE)

    assert outcome.kind == Kind.DONE
    assert lab.shown() == {"desktop/cat.jpg": b"A", "phone/cat.jpg": b"A"}
    item = lab.item(event)
    assert item["status"] == "DONE"
    assert [variant["name"] for variant in item["variants"]] == ["desktop", "phone"]
    assert set(item["timings"]) == {"fetch", "render", "publish"}


def test_a_first_upload_costs_one_get_a_put_each_and_one_head(lab: Lab) -> None:
    lab.worker.handle(lab.upload(b"A"), ONCE)

    assert lab.counted.calls == ["fetch", "put", "put", "source_etag"]


def test_a_second_delivery_writes_nothing(lab: Lab) -> None:
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    before = dict(lab.store.variants)
    lab.counted.calls.clear()

    outcome = lab.worker.handle(event, Delivery("m2", 1))

    assert outcome.kind == Kind.DUPLICATE
    assert sorted(lab.counted.calls) == ["variant", "variant"]
    assert lab.store.variants == before


@pytest.mark.parametrize("missing", ["desktop/cat.jpg", "phone/cat.jpg"])
def test_a_second_upload_heals_what_was_deleted(lab: Lab, missing: str) -> None:
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    lab.store.remove_variant(missing)

    outcome = lab.worker.handle(event, Delivery("m2", 1))

    assert outcome.kind == Kind.DONE
    assert set(lab.shown()) == {"desktop/cat.jpg", "phone/cat.jpg"}


def test_an_overwrite_replaces_every_variant(lab: Lab) -> None:
    lab.worker.handle(lab.upload(b"A"), ONCE)

    lab.worker.handle(lab.upload(b"B"), Delivery("m2", 1))

    assert lab.shown() == {"desktop/cat.jpg": b"B", "phone/cat.jpg": b"B"}


def test_the_event_of_an_overwritten_version_changes_nothing(lab: Lab) -> None:
    old = lab.upload(b"A")
    lab.worker.handle(lab.upload(b"B"), Delivery("m2", 1))

    assert lab.worker.handle(old, ONCE).kind == Kind.SUPERSEDED
    assert lab.status(old) == "SUPERSEDED"
    assert set(lab.shown().values()) == {b"B"}


def preview_in(lab: Lab, event: ObjectCreated) -> tuple[str, str]:
    item = lab.item(event)
    return item["placeholder"], item["color"]


def test_the_preview_in_a_record_is_of_its_own_version(lab: Lab) -> None:
    first = done(lab)
    second = lab.upload(b"B")

    lab.worker.handle(second, LATER)

    assert preview_in(lab, first) == astuple(preview_of(b"A"))
    assert preview_in(lab, second) == astuple(preview_of(b"B"))


@pytest.mark.parametrize("made", [recipe("desktop", "phone", "thumb"), changed(recipe(), "phone", quality=2)])
def test_a_preview_stays_where_one_variant_is_made(lab: Lab, made: Recipe) -> None:
    event = done(lab)

    assert lab.deployed(made).handle(event, LATER).kind == Kind.DONE
    assert preview_in(lab, event) == astuple(preview_of(b"A"))


def test_a_preview_stays_where_the_variants_are_found_complete(lab: Lab) -> None:
    """As after a worker that put what was missing, and failed before it could say so."""
    event = done(lab)
    lab.store.remove_variant("phone/cat.jpg")

    def unanswered() -> None:
        raise Unavailable("RequestTimeout", "s3:PutObject phone/cat.jpg")

    lab.counted.after_puts(1, unanswered)
    with pytest.raises(Unavailable):
        lab.worker.handle(event, LATER)
    lab.counted.calls.clear()

    assert lab.worker.handle(event, Delivery("m3", 1)).kind == Kind.DONE
    assert lab.counted.calls == ["variant", "variant", "source_etag"]
    assert preview_in(lab, event) == astuple(preview_of(b"A"))


def test_a_record_from_before_there_were_previews_is_a_duplicate(lab: Lab) -> None:
    def without_preview(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        return replace(fake_render(data, recipe, only), preview=Preview("", ""))

    event = lab.upload(b"A")
    replace(lab.worker, render=without_preview).handle(event, ONCE)
    lab.counted.calls.clear()

    assert lab.worker.handle(event, LATER).kind == Kind.DUPLICATE
    assert lab.counted.calls == ["variant", "variant"]
    assert "placeholder" not in lab.item(event)


def test_going_back_to_an_earlier_picture_ends_with_it(lab: Lab) -> None:
    first = lab.upload(b"A")
    lab.worker.handle(first, ONCE)
    lab.worker.handle(lab.upload(b"B"), Delivery("m2", 1))

    assert lab.worker.handle(lab.upload(b"A"), Delivery("m3", 1)).kind == Kind.DONE
    assert set(lab.shown().values()) == {b"A"}
    assert lab.status(first) == "DONE"


def test_another_recipe_makes_the_variants_anew_and_the_same_one_does_not(lab: Lab) -> None:
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    newer = lab.deployed(recipe(quality=2))

    assert newer.handle(event, Delivery("m2", 1)).kind == Kind.DONE
    assert {variant.body.split(b":")[1] for variant in lab.store.variants.values()} == {b"2"}
    assert newer.handle(event, Delivery("m3", 1)).kind == Kind.DUPLICATE


def done(lab: Lab) -> ObjectCreated:
    """An image that was finished; what it took is not counted."""
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    lab.counted.calls.clear()
    return event


def test_an_option_that_is_off_makes_nothing_anew(lab: Lab) -> None:
    event = done(lab)

    assert lab.deployed(changed(recipe(), "phone", progressive=False)).handle(event, LATER).kind == Kind.DUPLICATE
    assert lab.counted.calls == ["variant", "variant"]


def test_a_changed_setting_makes_its_variant_anew_and_puts_it_at_once(lab: Lab) -> None:
    event = done(lab)
    newer = lab.deployed(changed(recipe(), "phone", quality=2))

    assert newer.handle(event, LATER).kind == Kind.DONE
    assert lab.counted.calls == ["variant", "variant", "fetch", "put", "source_etag"]
    assert [lab.store.variants[key].body for key in sorted(lab.store.variants)] == [b"desktop:1:A", b"phone:2:A"]
    assert newer.handle(event, Delivery("m3", 1)).kind == Kind.DUPLICATE


def test_a_variant_more_is_made_and_the_others_are_left_alone(lab: Lab) -> None:
    event = done(lab)
    newer = lab.deployed(recipe("desktop", "phone", "thumb"))

    assert newer.handle(event, LATER).kind == Kind.DONE
    assert lab.counted.calls == ["variant", "variant", "fetch", "put", "source_etag"]
    assert sorted(lab.store.variants) == ["desktop/cat.jpg", "phone/cat.jpg", "thumb/cat.jpg"]
    assert [variant["name"] for variant in lab.item(event)["variants"]] == ["desktop", "phone", "thumb"]


def test_a_variant_whose_bytes_come_out_equal_is_not_put_and_not_made_again(lab: Lab) -> None:
    event = done(lab)
    newer = lab.deployed(changed(recipe(), "phone", effort=5))  # which alters no byte of `fake_render`

    assert newer.handle(event, LATER).kind == Kind.DONE
    assert "put" not in lab.counted.calls
    assert newer.handle(event, Delivery("m3", 1)).kind == Kind.DUPLICATE


def test_a_variant_is_put_with_the_cache_control_of_its_recipe_and_again_when_that_changes(lab: Lab) -> None:
    event = done(lab)
    before = {variant.cache for variant in lab.store.variants.values()}
    newer = lab.deployed(changed(recipe(), "phone", cache="no-store"))

    assert newer.handle(event, LATER).kind == Kind.DONE

    assert before == {"public, max-age=60"}
    assert [variant.cache for key, variant in sorted(lab.store.variants.items())] == ["public, max-age=60", "no-store"]
    assert lab.counted.calls.count("put") == 1


def test_equal_bytes_of_another_version_are_put(lab: Lab) -> None:
    """A variant names the version it is of; whoever looks at it must find the one that is there."""
    done(lab)

    def blind(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        return fake_render(b"the same", recipe, only)

    event = lab.upload(b"B")
    replace(lab.worker, render=blind).handle(event, LATER)
    again = lab.upload(b"C")
    replace(lab.worker, render=blind).handle(again, Delivery("m3", 1))

    assert {variant.source_etag for variant in lab.store.variants.values()} == {again.etag}


def test_a_claim_over_what_turns_out_to_be_complete_renders_nothing(lab: Lab) -> None:
    event = done(lab)
    phone = lab.store.variants.pop("phone/cat.jpg")

    class Healing(Counted):
        def variant(self, key: str) -> Any:
            self.calls.append("variant")
            seen = lab.store.variant(key)
            if seen is None:
                lab.store.variants["phone/cat.jpg"] = phone  # by somebody else, after the first look
            return seen

    healing = Healing(lab.store)

    assert replace(lab.worker, store=healing).handle(event, LATER).kind == Kind.DONE
    assert not {"fetch", "put"} & {*healing.calls}
    assert lab.status(event) == "DONE"


def test_a_broken_image_is_rejected_with_its_reason_and_not_decoded_again(lab: Lab) -> None:
    event = lab.upload(BROKEN)
    with pytest.raises(CorruptImage):
        lab.worker.handle(event, ONCE)
    lab.counted.calls.clear()

    with pytest.raises(RejectedEarlier) as again:
        lab.worker.handle(event, replace(ONCE, receive_count=2))

    assert again.value.cause == "CorruptImage"
    assert lab.counted.calls == []
    assert lab.status(event) == "REJECTED"


def test_a_redrive_of_a_rejected_image_is_a_real_attempt(lab: Lab) -> None:
    event = lab.upload(BROKEN)
    with pytest.raises(CorruptImage):
        lab.worker.handle(event, ONCE)

    with pytest.raises(CorruptImage):
        lab.worker.handle(event, Delivery("m2", 1))


def test_a_newer_version_that_is_broken_leaves_the_older_variants(lab: Lab) -> None:
    lab.worker.handle(lab.upload(b"A"), ONCE)
    newer = lab.upload(BROKEN)

    with pytest.raises(CorruptImage):
        lab.worker.handle(newer, Delivery("m2", 1))

    assert set(lab.shown().values()) == {b"A"}
    assert lab.status(newer) == "REJECTED"


def test_an_upload_that_is_too_large_is_rejected(lab: Lab) -> None:
    event = lab.upload(b"x" * 1001)

    with pytest.raises(ImageTooLarge, match="1,001 bytes; the limit is 1,000"):
        lab.worker.handle(event, ONCE)


def test_a_key_that_no_variant_can_have_is_rejected_with_a_record(lab: Lab) -> None:
    event = lab.upload(b"A", key="images/a/../b.jpg")

    with pytest.raises(UnusableKey):
        lab.worker.handle(event, ONCE)
    assert lab.status(event) == "REJECTED"


@pytest.mark.parametrize(
    "event", [ObjectCreated("another", KEY, "e1"), ObjectCreated(UPLOADS, "elsewhere/cat.jpg", "e1")]
)
def test_an_object_from_elsewhere_is_malformed(lab: Lab, event: ObjectCreated) -> None:
    with pytest.raises(MalformedMessage, match="is not below uploads/images/"):
        lab.worker.handle(event, ONCE)
    assert lab.table.items == {}


@pytest.mark.parametrize(("key", "body"), [("images/holiday/", b""), ("images/2026/IMG_1.AAE", b"<plist>")])
def test_what_the_recipe_ignores_is_acknowledged_and_leaves_no_record(lab: Lab, key: str, body: bytes) -> None:
    event = lab.upload(body, key=key)

    assert lab.worker.handle(event, ONCE).kind == Kind.IGNORED
    assert lab.table.items == {}


@pytest.mark.parametrize("size", [3, None])
def test_a_key_that_ends_like_a_folder_and_may_hold_bytes_is_worked_on(lab: Lab, size: int | None) -> None:
    event = replace(lab.upload(b"cat", key="images/holiday/"), size=size)

    assert lab.worker.handle(event, ONCE).kind == Kind.DONE
    assert lab.status(event) == "DONE"


def test_an_empty_object_is_not_passed_over_in_silence(lab: Lab) -> None:
    event = lab.upload(b"", key="images/empty.jpg")

    assert lab.worker.handle(event, ONCE).kind == Kind.DONE  # the engine of these tests takes anything for a picture
    assert lab.status(event) == "DONE"


def test_the_record_keeps_what_the_event_says_of_the_version(lab: Lab) -> None:
    event = replace(lab.upload(b"A"), time="2026-11-21T12:00:00.000Z", sequencer="0055AED6DCD90281E5")

    lab.worker.handle(event, ONCE)

    item = lab.item(event)
    assert (item["uploaded_at"], item["sequencer"]) == ("2026-11-21T12:00:00.000Z", "0055AED6DCD90281E5")


def test_a_duplicate_of_work_in_progress_is_busy_until_the_lease_ends(lab: Lab) -> None:
    event = lab.upload(b"A")
    lab.ledger.claim(Version(UPLOADS, KEY, event.etag), ONCE)

    with pytest.raises(Busy):
        lab.worker.handle(event, Delivery("m2", 1))


class SourceDown(MemoryStore):
    """Fetches nothing."""

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> SourceObject:
        raise Unavailable("SlowDown", f"s3:GetObject {key}")


def test_a_failure_of_aws_is_recorded_with_its_code_and_tried_again(lab: Lab) -> None:
    event = lab.upload(b"A")
    down = SourceDown(uploads=lab.store.uploads)

    with pytest.raises(Unavailable):
        replace(lab.worker, store=down).handle(event, ONCE)
    item = lab.item(event)
    assert (item["status"], item["reason"]["cause"]) == ("FAILED", "SlowDown")

    assert lab.worker.handle(event, replace(ONCE, receive_count=2)).attempt == 2


def test_a_bug_is_recorded_with_a_fingerprint_of_its_place(lab: Lab) -> None:
    event = lab.upload(b"A")

    def buggy(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        replace(lab.worker, render=buggy).handle(event, ONCE)
    item = lab.item(event)
    assert item["reason"]["cause"] == "ZeroDivisionError"
    assert len(item["reason"]["fingerprint"]) == 8


def test_what_was_not_started_was_no_attempt(lab: Lab) -> None:
    event = lab.upload(b"A")

    with pytest.raises(NotStarted):
        replace(lab.worker, render=no_time).handle(event, ONCE)

    item = lab.item(event)
    assert item["attempts"] == 0
    assert "reason" not in item
    assert lab.worker.handle(event, replace(ONCE, receive_count=2)).attempt == 1  # at once, whatever the lease was


def test_what_was_not_started_after_something_was_written_was_an_attempt(lab: Lab) -> None:
    """A newer version comes while the older is published, and there is no time left to render that."""
    event = lab.upload(b"A")
    renders: list[bytes] = []

    def render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        renders.append(data)
        if data == b"B":
            raise NotStarted("1 s is left")
        rendered = fake_render(data, recipe, only)
        lab.counted.after_puts(2, lambda: lab.upload(b"B"))
        return rendered

    with pytest.raises(OutOfTime):
        replace(lab.worker, render=render).handle(event, ONCE)

    item = lab.item(event)
    assert (renders, item["status"], item["attempts"]) == ([b"A", b"B"], "FAILED", 1)


def no_time(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
    raise NotStarted("1 s is left")


def test_a_bug_in_a_child_process_is_recorded_as_the_bug_it_was() -> None:
    reason = reason_of(
        RenderBug("ZeroDivisionError", "division by zero", ["processing/imaging/steps.py:crop:41"], "...")
    )

    assert (reason.cause, reason.message) == ("ZeroDivisionError", "division by zero")
    assert len(reason.fingerprint) == 8
    assert reason.where == "imaging/steps.py:41 crop"


def test_a_ledger_that_fails_as_well_does_not_hide_the_first_failure(lab: Lab) -> None:
    event = lab.upload(b"A")
    down = SourceDown(uploads=lab.store.uploads)

    class Deaf(DynamoLedger):
        def fail(self, *_: object) -> None:
            raise Unavailable("ThrottlingException", "dynamodb:UpdateItem")

    deaf = lab.ledger_of(Deaf)
    with pytest.raises(Unavailable, match="SlowDown") as error:
        replace(lab.worker, store=down, ledger=deaf).handle(event, ONCE)

    assert error.value.__notes__ == ["the reason could not be recorded: dynamodb:UpdateItem: ThrottlingException"]


class RecordingRender:
    """The engine of these tests, which keeps what it was given; ``then`` happens after it is done with ``at``."""

    def __init__(self, at: bytes = b"", then: Callable[[], object] = lambda: None) -> None:
        self.bodies: list[bytes] = []
        self._at, self._then = at, then

    def __call__(self, data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        self.bodies.append(data)
        rendered = fake_render(data, recipe, only)
        if data == self._at:
            self._then()
        return rendered


def overtaken(lab: Lab, newer: bytes, *, finish: bool) -> tuple[RecordingRender, ObjectCreated]:
    """Another version comes when A is published; its own worker may have ``finish``ed it before A's worker looks."""
    event = lab.upload(b"A")

    def overtake() -> None:
        later = lab.upload(newer)
        if finish:
            replace(lab.worker, store=lab.store).handle(later, Delivery("m2", 1))

    render = RecordingRender(b"A", lambda: lab.counted.after_puts(2, overtake))
    assert replace(lab.worker, render=render).handle(event, ONCE).kind == Kind.SUPERSEDED
    return render, event


def test_a_newer_version_that_is_published_already_is_not_fetched_again(lab: Lab) -> None:
    render, _ = overtaken(lab, b"B", finish=True)

    assert render.bodies == [b"A"]
    assert lab.counted.calls == ["fetch", "put", "put", "source_etag", "variant", "variant", "source_etag"]


def test_a_newer_version_costs_one_look_and_one_write_for_each_variant(lab: Lab) -> None:
    render, _ = overtaken(lab, b"B", finish=False)

    assert render.bodies == [b"A", b"B"]
    look = ["source_etag", "variant", "variant", "fetch", "put", "put", "source_etag"]
    assert lab.counted.calls == ["fetch", "put", "put", *look]
    assert set(lab.shown().values()) == {b"B"}


def test_a_variant_that_is_of_the_newer_version_already_is_left_alone(lab: Lab) -> None:
    event = lab.upload(b"A")

    def overtake() -> None:
        etag = lab.upload(b"B").etag
        lab.store.variants["desktop/cat.jpg"] = variant("desktop/cat.jpg", b"its own:B", source=etag)

    lab.counted.after_puts(2, overtake)
    lab.worker.handle(event, ONCE)

    assert lab.counted.calls.count("put") == 3
    assert lab.store.variants["desktop/cat.jpg"].body == b"its own:B"
    assert lab.shown() == {"desktop/cat.jpg": b"B", "phone/cat.jpg": b"B"}


def test_a_newer_version_that_is_too_large_is_left_to_its_own_message(lab: Lab) -> None:
    render, event = overtaken(lab, b"x" * 1001, finish=False)

    assert render.bodies == [b"A"]
    assert lab.status(event) == "SUPERSEDED"
    assert set(lab.shown().values()) == {b"A"}


class CustomerKey(MemoryStore):
    """Its source is B, under its uploader's own key, as soon as B is uploaded."""

    def source_etag(self, key: str) -> str | None:
        if self.uploads[key][0] == b"B":
            raise CustomerKeyRequired(key)
        return super().source_etag(key)


@pytest.mark.parametrize("puts", [1, 2], ids=["between the writes", "after the writes"])
def test_a_newer_version_under_its_uploaders_key_is_left_to_its_own_message(lab: Lab, puts: int) -> None:
    store = CustomerKey(uploads=lab.store.uploads)
    lab.counted = Counted(store)
    event = lab.upload(b"A")
    if puts == 1:
        store.put(variant("phone/cat.jpg", b"older"), over=None)
    lab.counted.after_puts(puts, lambda: lab.upload(b"B"))

    outcome = replace(lab.worker, store=lab.counted).handle(event, ONCE)

    assert outcome.kind == Kind.SUPERSEDED
    assert lab.status(event) == "SUPERSEDED"
    assert store.variants.keys() == {"desktop/cat.jpg", "phone/cat.jpg"}


class AnswerLost(MemoryStore):
    """Its first write takes effect and is not answered; ``then`` something happens, and sent again it is refused."""

    then: Callable[[], object] | None = None

    def put(self, variant: Any, *, over: str | None) -> None:
        super().put(variant, over=over)
        self._lose(variant.key)

    def delete(self, key: str, *, etag: str) -> None:
        super().delete(key, etag=etag)
        self._lose(key)

    def _lose(self, key: str) -> None:
        then, self.then = self.then, None
        if then is not None:
            then()
            raise PreconditionFailed(key)


def test_a_put_that_was_refused_may_have_been_written_and_is_looked_after(lab: Lab) -> None:
    store = AnswerLost(uploads=lab.store.uploads, variants=lab.store.variants)
    event = lab.upload(b"A")

    def overtake() -> None:
        lab.upload(b"B")
        lab.store.variants["desktop/cat.jpg"] = variant("desktop/cat.jpg", b"B")

    store.then = overtake
    outcome = replace(lab.worker, store=store).handle(event, ONCE)

    assert outcome.kind == Kind.SUPERSEDED
    assert lab.shown() == {"desktop/cat.jpg": b"B", "phone/cat.jpg": b"B"}


def test_a_put_that_was_refused_and_had_been_written_is_not_written_again(lab: Lab) -> None:
    store = AnswerLost(uploads=lab.store.uploads)
    store.then = lambda: None
    lab.counted = Counted(store)

    assert replace(lab.worker, store=lab.counted).handle(lab.upload(b"A"), ONCE).kind == Kind.DONE
    assert lab.counted.calls == ["fetch", "put", "variant", "put", "source_etag"]


def test_a_delete_that_was_refused_may_have_deleted_and_was_an_attempt(lab: Lab) -> None:
    lab.worker.handle(lab.upload(b"A"), ONCE)
    lab.store.remove(KEY)
    store = AnswerLost(uploads=lab.store.uploads, variants=lab.store.variants)

    def put_back() -> None:
        lab.upload(b"A")
        lab.store.variants.clear()

    store.then = put_back

    with pytest.raises(OutOfTime):
        replace(lab.worker, store=store, render=no_time).handle(ObjectRemoved(UPLOADS, KEY), Delivery("m2", 1))

    item = lab.table.item(f"{UPLOADS}/{KEY}", REMOVED_KEY)
    assert item is not None
    assert (item["status"], item["attempts"]) == ("FAILED", 1)


class Restless(Counted):
    """Holds another version each time it is looked at."""

    def source_etag(self, key: str) -> str | None:
        self.calls.append("source_etag")
        etag: str = self._port.upload(key, b"BC"[self.calls.count("source_etag") % 2 :][:1])
        return etag


class Contradictory(MemoryStore):
    """Says of every version that is asked for that it was replaced, and by itself."""

    fetched = 0

    def fetch(self, key: str, etag: str, *, max_bytes: int) -> SourceObject:
        self.fetched += 1
        assert self.fetched < 50, "no end"
        raise SourceReplaced(key)


def test_a_source_that_changes_at_each_look_is_a_conflict_after_a_few(lab: Lab) -> None:
    event, restless = lab.upload(b"A"), Restless(lab.store)

    with pytest.raises(Conflict, match="s3:HeadObject"):
        replace(lab.worker, store=restless).handle(event, ONCE)

    assert restless.calls.count("source_etag") == AT_ONCE + PAUSES
    assert lab.status(event) == "FAILED"


@pytest.mark.parametrize("published", [True, False])
def test_a_source_that_reads_as_replaced_and_looks_as_it_was_is_a_conflict_after_a_few(
    lab: Lab, published: bool
) -> None:
    event = lab.upload(b"A")
    with pytest.raises(Unavailable):  # an earlier attempt, so that this one looks
        replace(lab.worker, store=SourceDown(uploads=lab.store.uploads)).handle(event, ONCE)
    if published:
        for key in ("desktop/cat.jpg", "phone/cat.jpg"):
            lab.store.put(variant(key, b"A", source=event.etag), over=None)
    counted = Counted(Contradictory(uploads=lab.store.uploads, variants=lab.store.variants))

    with pytest.raises(Conflict):
        replace(lab.worker, store=counted).handle(event, Delivery("m1", 2))

    assert counted.calls.count("source_etag") == AT_ONCE + PAUSES


def test_a_removal_removes_the_variants_and_marks_no_version(lab: Lab) -> None:
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    lab.store.remove(KEY)

    assert lab.worker.handle(ObjectRemoved(UPLOADS, KEY), Delivery("m2", 1)).kind == Kind.REMOVED
    assert lab.store.variants == {}
    assert lab.status(event) == "DONE"


def test_a_second_removal_of_the_same_object_is_worked_on_again(lab: Lab) -> None:
    removal = ObjectRemoved(UPLOADS, KEY)
    for message in ("m1", "m3"):
        lab.worker.handle(lab.upload(b"A"), Delivery(message, 1))
        lab.store.remove(KEY)
        lab.worker.handle(removal, Delivery(f"{message}-removal", 1))

        assert lab.store.variants == {}


def test_a_late_removal_of_what_is_back_keeps_its_variants(lab: Lab) -> None:
    lab.worker.handle(lab.upload(b"A"), ONCE)

    assert lab.worker.handle(ObjectRemoved(UPLOADS, KEY), Delivery("m2", 1)).kind == Kind.SUPERSEDED
    assert set(lab.shown().values()) == {b"A"}
    item = lab.table.item(f"{UPLOADS}/{KEY}", REMOVED_KEY)
    assert item is not None
    assert item["status"] == "SUPERSEDED"  # or its event would say that the image was removed


def test_a_late_upload_cannot_bring_back_what_was_removed(lab: Lab) -> None:
    event = lab.upload(b"A")
    lab.store.remove(KEY)
    lab.worker.handle(ObjectRemoved(UPLOADS, KEY), Delivery("m2", 1))

    assert lab.worker.handle(event, ONCE).kind == Kind.REMOVED
    assert lab.store.variants == {}
    assert lab.status(event) == "REMOVED"


def test_without_removals_the_variants_of_a_removed_object_stay() -> None:
    lab = Lab(removals=False)
    event = lab.upload(b"A")
    lab.worker.handle(event, ONCE)
    lab.store.remove(KEY)
    newer = lab.deployed(recipe(quality=2))  # so that the version is worked on again

    assert lab.worker.handle(ObjectRemoved(UPLOADS, KEY), Delivery("m2", 1)).kind == Kind.IGNORED
    assert newer.handle(event, Delivery("m3", 1)).kind == Kind.REMOVED
    assert set(lab.shown().values()) == {b"A"}


def test_nothing_is_written_that_could_outlive_the_lease(lab: Lab) -> None:
    event = lab.upload(b"A")

    def slow(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        lab.clock.now += LEASE - 19  # one request may take 20
        return fake_render(data, recipe, only)

    with pytest.raises(OutOfTime):
        replace(lab.worker, render=slow).handle(event, ONCE)
    assert lab.store.variants == {}
