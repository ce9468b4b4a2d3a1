"""The parts of an audit, each by itself: names, the merge, judgments, and repairs."""

import io
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.cli.audit.judge import AuditedObject, AuditTotals, Finding, FindingKind, Fine, Judge, OrphanJudge
from ops.cli.audit.keys import FORMATS, Merge, Met, Names
from ops.cli.audit.repair import Repair, Repaired, RepairPlan
from ops.cli.audit.report import Queues, report
from ops.cli.audit.rerender import CaseSample, Rerender
from ops.cli.audit.run import Audit
from ops.cli.backfill.sources import ListedObject, Unreadable
from ops.cli.backfill.wanted import Records
from ops.cli.main import make_app
from ops.cli.queues import Depth, NotSent
from ops.cli.recipes import VariantPlan
from processing.errors import CorruptImage, RenderBug, SandboxFailed
from processing.ledger import ImagesTable, Phase, Record, Status, Version
from processing.naming import IMAGE_EXTENSIONS
from tests.builders import changed, client_error, fake_render, finished, recipe

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW = NOON.timestamp() + 3600
TODAY = recipe("phone", "tablet")
YESTERDAY = changed(TODAY, "phone", quality=2)
PLAN = VariantPlan(TODAY, "images/")

# Names that continue each other, around everything that sorts just before and after the dot of an extension
parts = st.sampled_from(
    ["a", "b", "!", "-", ".", "/", "0", "é", "\U0001f600", *IMAGE_EXTENSIONS, ".image", ".image.webp"]
)
belows = (
    st.lists(parts, min_size=1, max_size=6).map("".join).filter(lambda name: not {".", "..", ""} & set(name.split("/")))
)


@given(st.sampled_from(FORMATS), st.sets(belows, max_size=30))
def test_a_variants_key_leads_back_to_its_source_and_no_other(output_format, names):
    made = Names("images/", {"phone": output_format})

    for below in names:
        key = made.of(f"images/{below}", "phone")
        assert key is None or made.source(key) == f"images/{below}"


@given(st.sampled_from(FORMATS), belows)
def test_what_leads_nowhere_back_is_not_given_a_source(output_format, below):
    made = Names("images/", {"phone": output_format})
    source = made.source(f"phone/{below}")

    assert source is None or made.of(source, "phone") == f"phone/{below}"


def test_the_variants_of_an_older_recipe_lead_to_their_source():
    assert Names("images/", {"phone": "webp"}).older_sources("phone/cat.jpg") == ["images/cat.jpg"]
    assert Names("images/", {"phone": "keep"}).older_sources("phone/cat.jpg.webp") == ["images/cat.jpg"]
    assert Names("images/", {"phone": "keep"}).older_sources("phone/cat.image.webp") == ["images/cat"]
    assert Names("images/", {"phone": "webp"}).older_sources("phone/cat.heic.jpg")[0] == "images/cat.heic"


def test_a_variant_named_as_its_source_is_of_the_time_when_every_name_was_kept():
    names = Names("images/", {"phone": "keep"})

    assert (names.source("phone/cat.heic"), names.older_sources("phone/cat.heic")) == (None, ["images/cat.heic"])
    assert (names.source("phone/cat.heic.jpg"), names.older_sources("phone/cat.heic.jpg")) == (
        "images/cat.heic",
        ["images/cat.heic", "images/cat.heic.jpg"],
    )


def merged(names, sources, there):
    """Everything that is met, and the most that waited at once."""
    merge = Merge[str, str](iter((key, key) for key in sorted(there)))
    met: list[Met[str, str]] = []
    most = 0
    for source in sorted(sources):
        met += merge.settle(names.bare(source, "phone"))
        if (key := names.of(source, "phone")) is not None:
            merge.want(key, source)
        most = max(most, merge.waiting)
    return [*met, *merge.finish()], most


@given(st.sampled_from(FORMATS), st.sets(belows, max_size=40), st.sets(belows, max_size=10), st.data())
def test_the_merge_finds_what_a_comparison_of_whole_sets_finds(output_format, below, foreign, data):
    names = Names("images/", {"phone": output_format})
    sources = {f"images/{name}" for name in below}
    wanted = {key: source for source in sources if (key := names.of(source, "phone")) is not None}
    gone = data.draw(st.sets(st.sampled_from(sorted(wanted)))) if wanted else set()
    there = (wanted.keys() - gone) | {f"phone/{name}" for name in foreign}

    met, _ = merged(names, sources, there)

    assert {(one.key, one.wanted) for one in met if one.wanted and one.there} == {
        (key, wanted[key]) for key in wanted.keys() & there
    }
    assert {one.key for one in met if one.wanted and not one.there} == wanted.keys() - there
    assert {one.key for one in met if not one.wanted} == there - wanted.keys()
    assert len(met) == len(wanted.keys() | there)


@given(st.sampled_from(FORMATS), st.sets(belows, max_size=40))
def test_no_more_waits_than_the_names_that_continue_each_other(output_format, below):
    sources = {f"images/{name}" for name in below}
    chains = [sum(longer.startswith(shorter) for shorter in sources) for longer in sources]
    _, most = merged(Names("images/", {"phone": output_format}), sources, ())

    assert most <= max(chains, default=0)


def test_a_thousand_objects_beside_each_other_leave_one_waiting():
    sources = [f"images/{number:04}" for number in range(1000)]
    names = Names("images/", {"phone": "webp"})
    met, most = merged(names, sources, [names.of(source, "phone") for source in sources])

    assert most == 1
    assert len(met) == 1000


class Bucket:
    """HeadObject and DeleteObject of one bucket's objects: a name to its ETag and metadata."""

    def __init__(self, objects=None):
        self.objects, self.asked, self.deleted = dict(objects or {}), [], []

    def head_object(self, **request):
        self.asked.append(request["Key"])
        if request["Key"] not in self.objects:
            raise error("404", 404)
        etag, metadata = self.objects[request["Key"]]
        return {"ETag": f'"{etag}"', "Metadata": metadata, "ContentLength": 1, "LastModified": NOON}

    def delete_object(self, **request):
        key = request["Key"]
        if key in self.objects and request["IfMatch"] != f'"{self.objects[key][0]}"':
            raise error("PreconditionFailed", 412, "DeleteObject")
        self.objects.pop(key, None)
        self.deleted.append(key)


def error(code, status, operation="HeadObject"):
    return client_error(code, status, operation)


def judge(case, objects=None, *, queued=True, deep=False, now=NOW, grace=900.0):
    s3 = Bucket(objects)
    verdict = Judge(s3, "variants", PLAN, grace, queued, deep, lambda: now).of(case)
    found = verdict if isinstance(verdict, Fine) else [(each.kind, each.key) for each in verdict]
    return found, s3.asked


def case(
    record=None, *, variants=(("phone", 10), ("tablet", 10)), key="images/a.jpg", size=1, modified=NOON, made=NOON
):
    source = ListedObject(key, key, "e1", size, modified)
    keys = PLAN.of(key).keys
    there = {
        name: (keys[name], None if bytes_ is None else ListedObject(keys[name], "", "v", bytes_, made))
        for name, bytes_ in variants
    }
    return AuditedObject(source, record, there)


def record(status="DONE", made=TODAY, *, key="images/a.jpg", bytes_=10, **fields):
    image = finished(made, key)
    variants = tuple(replace(each, bytes=bytes_) for each in image.variants)
    return Record(Version("uploads", key, "e1"), Status(status), image=replace(image, variants=variants), **fields)


def labels(name="phone", made=TODAY, etag="e1"):
    (spec,) = (spec for spec in made.variants if spec.name == name)
    return {"source-etag": etag, "fingerprint": spec.fingerprint("jpeg")}


GOOD = {f"{name}/a.jpg": ("v", labels(name)) for name in ("phone", "tablet")}


def test_a_done_object_with_its_variants_is_well_and_nothing_is_asked_for():
    assert judge(case(record())) == ([], [])


def test_a_variant_that_is_not_listed_is_missing_when_it_is_not_there_either():
    unlisted = [("phone", None), ("tablet", 10)]

    assert judge(case(record(), variants=unlisted)) == ([(FindingKind.MISSING, "phone/a.jpg")], ["phone/a.jpg"])
    assert judge(case(record(), variants=unlisted), GOOD)[0] == []


@pytest.mark.parametrize(
    "suspect",
    [
        {"record": record(bytes_=11)},
        {"record": record(), "made": NOON - timedelta(seconds=1)},
    ],
)
def test_a_variant_that_does_not_fit_is_checked_and_may_well_be_right(suspect):
    stale = [(FindingKind.STALE, "phone/a.jpg")]

    assert judge(case(**suspect), GOOD) == ([], ["phone/a.jpg", "tablet/a.jpg"])
    assert judge(case(**suspect), GOOD | {"phone/a.jpg": ("v", labels(etag="e0"))})[0] == stale
    assert judge(case(**suspect), GOOD | {"phone/a.jpg": ("v", labels(made=YESTERDAY))})[0] == stale
    assert judge(case(**suspect), GOOD | {"phone/a.jpg": ("v", {})})[0] == stale


def test_a_deep_audit_finds_what_fits_and_is_stale():
    stale = GOOD | {"phone/a.jpg": ("v", labels(etag="e0"))}

    assert judge(case(record()), stale)[0] == []
    assert judge(case(record()), stale, deep=True)[0] == [(FindingKind.STALE, "phone/a.jpg")]


def test_bytes_that_came_out_equal_stand_under_the_older_fingerprint_that_the_record_has():
    older = GOOD | {"phone/a.jpg": ("v", labels(made=YESTERDAY))}
    known = record()
    phone, tablet = known.variants
    stored = replace(phone, stored_as=labels(made=YESTERDAY)["fingerprint"])
    same = replace(known, image=replace(known.image, variants=(stored, tablet)))

    assert judge(case(same), older, deep=True)[0] == []
    assert judge(case(known), older, deep=True)[0] == [(FindingKind.STALE, "phone/a.jpg")]


def test_an_object_without_a_record_is_found_and_its_missing_variants_as_well():
    found, _ = judge(case(None, variants=[("phone", 10), ("tablet", None)]))

    assert found == [(FindingKind.NO_RECORD, "images/a.jpg"), (FindingKind.MISSING, "tablet/a.jpg")]


def test_an_outdated_object_is_found_with_the_variants_to_make_and_its_other_variants_are_checked():
    unlisted = case(record(made=YESTERDAY), variants=[("phone", None), ("tablet", None)])
    verdict = Judge(Bucket(), "variants", PLAN, 900, True, False, lambda: NOW).of(unlisted)

    assert not isinstance(verdict, Fine)
    first, second = verdict
    assert (first.kind, first.key, first.detail) == (FindingKind.OUTDATED, "images/a.jpg", "phone")
    assert (second.kind, second.key) == (FindingKind.MISSING, "tablet/a.jpg")


def test_a_variant_that_the_recipe_no_longer_has_makes_no_object_outdated():
    assert judge(case(record(made=recipe("phone", "tablet", "poster")))) == ([], [])


OF_PHASES = {
    Phase.NOT_STARTED: record("IN_PROGRESS"),
    Phase.WORKING: record("IN_PROGRESS", lease_until=int(NOW) + 1),
    Phase.INTERRUPTED: record("IN_PROGRESS", lease_until=int(NOW) - 1),
    Phase.RETRYING: record("FAILED"),
    Phase.DEAD: record("FAILED", last_receive=True),
    Phase.REJECTED: record("REJECTED"),
    Phase.DONE: record(),
    Phase.SUPERSEDED: record("SUPERSEDED"),
    Phase.REMOVED: record("REMOVED"),
}
EXPECTED = {Phase.WORKING: Fine.PENDING, Phase.REJECTED: Fine.REJECTED, Phase.DONE: []}


@pytest.mark.parametrize("phase", Phase)
def test_what_is_there_is_done_or_found_unless_it_was_rejected_or_is_being_worked_on(phase):
    known = OF_PHASES[phase]

    assert known.phase(NOW) is phase
    assert judge(case(known))[0] == EXPECTED.get(phase, [(FindingKind.NOT_DONE, "images/a.jpg")])


def archived(made):
    made.source = replace(made.source, unreadable=Unreadable.ARCHIVED)
    return made


@pytest.mark.parametrize("known", [None, record("FAILED"), record("DONE", made=YESTERDAY)])
def test_an_archived_source_that_is_not_done_is_counted_apart(known):
    assert judge(archived(case(known, variants=[("phone", None)])))[0] is Fine.ARCHIVED


def test_an_archived_source_that_is_done_has_its_variants_looked_after():
    assert judge(archived(case(record())))[0] == []
    unlisted = [("phone", None), ("tablet", 10)]
    assert judge(archived(case(record(), variants=unlisted)))[0] == [(FindingKind.MISSING, "phone/a.jpg")]


def test_a_variant_whose_source_is_archived_is_left_until_that_is_restored():
    (source,) = sources("a")
    finding = Finding(FindingKind.MISSING, "phone/a", source=replace(source, unreadable=Unreadable.ARCHIVED))
    plan = RepairPlan(keep_orphans=False)
    plan.take(finding)

    done, sent = repair([finding])

    assert (sent, done.left) == ([], {"phone/a": "its source is archived: restore it first"})
    assert plan.finish() == done


@pytest.mark.parametrize(("code", "status"), [("NoSuchBucket", 404), ("AccessDenied", 403)])
def test_a_delete_that_is_refused_is_no_variant_that_is_gone(code, status):
    class Refusing(Bucket):
        def delete_object(self, **_request):
            raise error(code, status)

    with pytest.raises(ClientError, match=code):
        repair([gone()], s3=Refusing())


def test_a_fresh_upload_may_still_wait_in_a_queue_that_holds_messages():
    uploaded = NOON.timestamp()

    assert judge(case(None), now=uploaded + 899)[0] is Fine.PENDING
    assert judge(case(None), now=uploaded + 901)[0] == [(FindingKind.NO_RECORD, "images/a.jpg")]
    assert judge(case(None), now=uploaded + 11, queued=False)[0] == [(FindingKind.NO_RECORD, "images/a.jpg")]
    assert judge(case(None), now=uploaded + 9, queued=False)[0] is Fine.PENDING


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (record("FAILED"), Fine.RETRYING),
        (record("FAILED", last_receive=True), [(FindingKind.NOT_DONE, "images/a.jpg")]),
    ],
    ids=["retried", "dead"],
)
def test_a_fresh_upload_that_has_failed_is_counted_apart_and_a_dead_one_is_found(known, expected):
    assert judge(case(known), now=NOON.timestamp() + 840)[0] == expected


def test_what_the_recipe_ignores_has_no_variants():
    assert judge(case(None, key="images/a/", size=0, variants=()))[0] is Fine.IGNORED
    assert judge(case(None, key="images/a/IMG_1.AAE", variants=()))[0] is Fine.IGNORED


class Images(ImagesTable):
    def __init__(self, *known: Record) -> None:
        self.known = {record.version: record for record in known}

    def read(self, versions: Iterable[Version]) -> dict[Version, Record]:
        return {version: self.known[version] for version in versions if version in self.known}


def orphan(key, variants, uploads=(), *, images=(), output_format="keep"):
    class Both:
        def head_object(self, **request):
            return (Bucket(variants) if request["Bucket"] == "variants" else Bucket(dict(uploads))).head_object(
                **request
            )

    names = Names("images/", {"phone": output_format})
    plan = VariantPlan(changed(recipe("phone"), "phone", format=output_format), "images/")
    return OrphanJudge(Both(), "uploads", "variants", names, Images(*images), plan).of(key)


def test_a_variant_without_a_source_is_an_orphan():
    found = orphan("phone/a.jpg", {"phone/a.jpg": ("v", {})})

    assert (found.kind, found.etag, found.detail) == (FindingKind.ORPHAN, "v", "no images/a.jpg")


def test_a_variant_whose_source_came_meanwhile_is_none_and_neither_is_one_that_went():
    assert orphan("phone/a.jpg", {"phone/a.jpg": ("v", {})}, {"images/a.jpg": ("e1", {})}) is None
    assert orphan("phone/a.jpg", {}) is None


def test_a_variant_of_another_format_may_go_when_its_source_is_done_with_todays_recipe():
    there: dict[str, tuple[str, dict[str, str]]] = {"phone/a.jpg": ("v", {})}
    source: dict[str, tuple[str, dict[str, str]]] = {"images/a.jpg": ("e1", {})}
    done = record(made=changed(recipe("phone"), "phone", format="webp"))

    waiting = orphan("phone/a.jpg", there, source, output_format="webp")
    ready = orphan("phone/a.jpg", there, source, output_format="webp", images=[done])

    assert (waiting.kind, waiting.etag) == (FindingKind.LEFTOVER, "")
    assert (ready.kind, ready.etag) == (FindingKind.LEFTOVER, "v")


def sources(*names):
    return [ListedObject(f"images/{name}", name, "e1", 1, NOON) for name in names]


def repair(findings, *, s3=None, refuse=None, keep_orphans=False):
    sent = []

    def send(batch):
        assert 0 < len(batch) <= 10
        keys = [one.key for one in batch]
        sent.extend(keys)
        if refuse in keys:
            raise NotSent({keys.index(refuse): "Because"})

    names = Names("images/", {"phone": "keep"})
    made = Repair(s3 or Bucket(), "uploads", "variants", names, send, keep_orphans)
    for finding in findings:
        made.take(finding)
    return made.finish(), sent


def test_a_source_is_sent_once_for_all_that_is_wrong_with_it():
    a, b = sources("a", "b")
    findings = [Finding(FindingKind.NO_RECORD, a.key, source=a), Finding(FindingKind.MISSING, "phone/a", source=a)]
    done, sent = repair([*findings, Finding(FindingKind.STALE, "phone/b", source=b)])

    assert sent == ["images/a", "images/b"]
    assert done.sent == 2


def test_more_than_a_batch_is_sent_in_batches():
    many = sources(*(f"{number:02}" for number in range(25)))
    done, sent = repair(Finding(FindingKind.MISSING, one.key, source=one) for one in many)

    assert sent == [one.key for one in many]
    assert done.sent == 25


def test_what_was_not_sent_is_left_with_its_reason():
    done, _ = repair(
        (Finding(FindingKind.MISSING, one.key, source=one) for one in sources("a", "b")), refuse="images/b"
    )

    assert (done.sent, done.left) == (1, {"images/b": "not sent: Because"})


def gone(etag="v", kind=FindingKind.ORPHAN):
    return Finding(kind, "phone/a.jpg", etag=etag)


def test_an_orphan_is_deleted_as_it_was_judged():
    bucket = Bucket({"phone/a.jpg": ("v", {})})
    done, sent = repair([gone()], s3=bucket)

    assert (done.removed, bucket.deleted, sent) == (1, ["phone/a.jpg"], [])


def test_an_orphan_that_changed_meanwhile_is_left():
    bucket = Bucket({"phone/a.jpg": ("another", {})})
    done, _ = repair([gone()], s3=bucket)

    assert (done.removed, done.left, bucket.deleted) == (0, {"phone/a.jpg": "changed meanwhile"}, [])


def test_a_source_that_came_back_while_its_orphan_was_deleted_is_sent():
    bucket = Bucket({"phone/a.jpg": ("v", {}), "images/a.jpg": ("e1", {})})
    done, sent = repair([gone()], s3=bucket)

    assert (done.removed, sent) == (1, ["images/a.jpg"])


def test_orphans_are_kept_when_asked_for_and_leftovers_while_their_source_is_not_done():
    kept, _ = repair([gone()], keep_orphans=True)
    other, _ = repair([gone(kind=FindingKind.LEFTOVER)], s3=Bucket({"phone/a.jpg": ("v", {})}), keep_orphans=True)
    left, _ = repair([gone(etag="", kind=FindingKind.LEFTOVER)])

    assert (kept.kept, kept.removed, kept.left) == (1, 0, {})
    assert (other.kept, other.removed) == (0, 1)
    assert left.left.keys() == {"phone/a.jpg"}


@pytest.mark.parametrize("keep_orphans", [False, True])
def test_a_plan_counts_what_a_repair_does(keep_orphans):
    a, b = sources("a", "b")
    findings = [
        *(Finding(FindingKind.NO_RECORD, a.key, source=a), Finding(FindingKind.MISSING, "phone/a", source=a)),
        *(Finding(FindingKind.MISSING, "phone/b", source=b), gone(), gone(etag="", kind=FindingKind.LEFTOVER)),
    ]
    plan = RepairPlan(keep_orphans)
    for finding in findings:
        plan.take(finding)
    done, _ = repair(findings, s3=Bucket({"phone/a.jpg": ("v", {})}), keep_orphans=keep_orphans)

    planned = plan.finish()
    assert (planned.sent, planned.removed, planned.kept) == (done.sent, done.removed, done.kept)
    assert (done.sent, done.removed, done.kept) == (2, not keep_orphans, keep_orphans)


class Whole:
    """GetObject of objects by bucket and key: a body, its ETag and metadata."""

    def __init__(self, objects):
        self.objects = objects

    def get_object(self, *, Bucket, Key):  # noqa: N803 - as boto3 names them
        if (Bucket, Key) not in self.objects:
            raise error("NoSuchKey", 404, "GetObject")
        body, etag, metadata = self.objects[Bucket, Key]
        return {"Body": io.BytesIO(body), "ETag": f'"{etag}"', "Metadata": metadata}


def engine(render=fake_render):
    @contextmanager
    def start(_):
        yield render

    return start


RIGHT = labels()
PUBLISHED = {
    ("uploads", "images/a.jpg"): (b"A", "e1", {}),
    ("variants", "phone/a.jpg"): (b"phone:1:A", "v", RIGHT),
}


def rendered_again(changes=None, *, start=None):
    objects = {key: value for key, value in (PUBLISHED | (changes or {})).items() if value is not None}
    sample = CaseSample(5)
    sample.offer(case(record(), variants=[("phone", 10)]))
    made = Rerender(Whole(objects), "uploads", "variants", PLAN, sample, start or engine())
    return [finding for found in made.findings() for finding in found]


def test_a_picture_that_is_rendered_again_as_it_is_published_is_well():
    assert rendered_again() == []


def test_a_record_is_compared_with_the_recipe_for_its_key():
    done = record(key="images/a.heic")
    as_kept = tuple(
        replace(made, fingerprint=spec.fingerprint("jpeg"))
        for made, spec in zip(done.variants, TODAY.variants, strict=True)
    )

    assert PLAN.to_make(done) == []
    assert PLAN.to_make(replace(done, image=replace(done.image, variants=as_kept))) == ["phone", "tablet"]


def test_an_object_is_rendered_again_and_judged_by_the_recipe_for_its_key():
    sample, asked = CaseSample(5), list[set[str]]()
    done = record(key="images/a.heic")
    sample.offer(case(done, key="images/a.heic", variants=[("phone", 10)]))
    objects = {
        ("uploads", "images/a.heic"): (b"A", "e1", {}),
        ("variants", "phone/a.heic.jpg"): (b"phone:1:B", "v", labels(made=TODAY.in_jpeg())),
    }

    def render(data, recipe, only=None):
        asked.append({each.format for each in recipe.variants})
        return fake_render(data, recipe, only)

    made = Rerender(Whole(objects), "uploads", "variants", PLAN, sample, engine(render))

    assert [[each.kind for each in findings] for findings in made.findings()] == [[FindingKind.WRONG]]
    assert asked == [{"jpeg"}]


def test_another_objects_picture_is_found_however_well_it_is_labeled():
    (found,) = rendered_again({("variants", "phone/a.jpg"): (b"phone:1:B", "v", RIGHT)})

    assert (found.kind, found.key, found.etag, found.source.key) == (
        FindingKind.WRONG,
        "phone/a.jpg",
        "v",
        "images/a.jpg",
    )
    assert found.detail == "9 bytes that are not the 9 which images/a.jpg gives"


@pytest.mark.parametrize(
    "change",
    [
        {("uploads", "images/a.jpg"): None},
        {("uploads", "images/a.jpg"): (b"B", "e2", {})},
        {("variants", "phone/a.jpg"): None},
        {("variants", "phone/a.jpg"): (b"phone:1:B", "v", {**RIGHT, "source-etag": "e2"})},
        {("variants", "phone/a.jpg"): (b"phone:2:A", "v", labels(made=YESTERDAY))},
    ],
)
def test_what_changed_since_it_was_listed_is_passed_over(change):
    assert rendered_again(change) == []


@pytest.mark.parametrize(
    "failure", [CorruptImage("broken off"), SandboxFailed("no child"), RenderBug("X", "x", [], "")]
)
def test_what_was_done_and_cannot_be_rendered_again_is_found(failure):
    def fail(*_):
        raise failure

    (found,) = rendered_again(start=engine(fail))

    assert (found.kind, found.key, found.source) == (FindingKind.NOT_RENDERED, "images/a.jpg", None)
    assert found.detail == f"{type(failure).__name__}: {failure}"


def test_every_case_is_as_likely_to_be_in_the_sample():
    cases = [case(key=f"images/{number}.jpg") for number in range(10)]
    hits = Counter[str]()
    for seed in range(3000):
        sample = CaseSample(3, random.Random(seed))
        for each in cases:
            sample.offer(each)
        kept = {each.source.key for each in sample.cases}
        assert len(kept) == 3
        hits.update(kept)

    assert all(800 < hits[each.source.key] < 1000 for each in cases)


def test_only_what_is_done_well_and_can_be_read_is_rendered_again():
    good, archived, undone, incomplete = (
        ListedObject(f"images/{name}.jpg", "", "e1", 1, NOON, unreadable=why)
        for name, why in (("a", None), ("b", Unreadable.ARCHIVED), ("c", None), ("d", None))
    )
    listed = [ListedObject(f"phone/{name}.jpg", "", "v", 10, NOON) for name in "abc"]
    plan = VariantPlan(recipe("phone"), "images/")
    done = [record(made=plan.recipe, key=each.key) for each in (good, archived, incomplete)]
    s3, names, sample = Bucket(), Names("images/", {"phone": "keep"}), CaseSample(10)
    audit = Audit(
        sources=[good, archived, undone, incomplete],
        list_variants=lambda _prefix, _after: listed,
        below="",
        names=names,
        records=Records(Images(*done), "uploads"),
        judge=Judge(s3, "variants", plan, 0, False, False, lambda: NOW),
        orphans=OrphanJudge(s3, "uploads", "variants", names, Images(), plan),
        rerender=Rerender(Whole(PUBLISHED), "uploads", "variants", plan, sample, engine()),
    )

    found = {(each.kind, each.key) for each in audit.run()}

    assert [case.source for case in sample.cases] == [good]
    assert found == {(FindingKind.NO_RECORD, "images/c.jpg"), (FindingKind.MISSING, "phone/d.jpg")}
    assert audit.totals.rendered == 1


def test_a_wrong_picture_is_deleted_before_its_source_is_sent_once():
    (source,) = sources("a.jpg")
    bucket = Bucket({"phone/a.jpg": ("v", {}), "tablet/a.jpg": ("w", {}), "images/a.jpg": ("e1", {})})
    findings = [
        Finding(FindingKind.WRONG, f"{name}/a.jpg", "", source, etag)
        for name, etag in (("phone", "v"), ("tablet", "w"))
    ]
    sent: list[Sequence[ListedObject]] = []
    names = Names("images/", {"phone": "keep", "tablet": "keep"})
    made, plan = (
        Repair(bucket, "uploads", "variants", names, sent.append, keep_orphans=False),
        RepairPlan(keep_orphans=False),
    )
    for finding in findings:
        made.take(finding)
        plan.take(finding)
    done = made.finish()

    assert bucket.deleted == ["phone/a.jpg", "tablet/a.jpg"]
    assert [[one.key for one in batch] for batch in sent] == [["images/a.jpg"]]
    assert (plan.finish().sent, plan.finish().removed) == (done.sent, done.removed) == (1, 2)


def test_what_cannot_be_rendered_again_is_left():
    finding = Finding(FindingKind.NOT_RENDERED, "images/a.jpg", "CorruptImage: broken off")
    plan = RepairPlan(keep_orphans=False)
    plan.take(finding)
    done, sent = repair([finding])

    assert (done.left, sent) == ({"images/a.jpg": "CorruptImage: broken off"}, [])
    assert plan.finish().left == done.left


def test_an_audit_holds_no_more_objects_at_once_however_many_there_are():
    """Counts the sources and the variants that were taken from the listings and not yet judged."""
    count, behind = 20_000, list[tuple[int, int]]()
    taken = {"sources": 0, "variants": 0}

    def listing(what, prefix):
        for number in range(count):
            taken[what] += 1
            yield ListedObject(f"{prefix}{number:06}.jpg", "", "e1", 10, NOON)

    s3, names = Bucket(), Names("images/", {"phone": "keep", "tablet": "keep"})
    audit = Audit(
        sources=listing("sources", "images/"),
        list_variants=lambda prefix, _after: listing("variants", prefix),
        below="",
        names=names,
        records=Records(Images(), "uploads"),
        judge=Judge(s3, "variants", PLAN, 0, False, False, lambda: NOW),
        orphans=OrphanJudge(s3, "uploads", "variants", names, Images(), PLAN),
        rerender=Rerender(s3, "uploads", "variants", PLAN, CaseSample(0), engine()),
    )
    behind.extend(
        (taken["sources"] - audit.totals.objects, taken["variants"] - 2 * audit.totals.objects) for _ in audit.run()
    )

    assert audit.totals.found == {FindingKind.NO_RECORD: count}
    assert max(sources for sources, _ in behind) <= 500
    assert max(variants for _, variants in behind) <= 1000
    assert s3.asked == []


def test_an_audit_says_what_both_queues_hold(capsys):
    queues = Queues(Depth(2, 1, 3), 1, "darkroom dlq groups --stage prod")

    report(AuditTotals(3, 9), [], None, queues, would=False, as_json=False)
    said = capsys.readouterr().err
    report(AuditTotals(3, 9), [], Repaired(sent=2), queues, would=True, as_json=True)
    document = json.loads(capsys.readouterr().out)

    assert "The uploads queue holds 5 messages and 1 in flight" in said
    assert "The dead-letter queue holds 1 message. To see why: darkroom dlq groups --stage prod" in said
    assert (document["queue"]["waiting"], document["dead_letters"]) == (2, 1)
    assert (document["repair"]["dry_run"], document["repair"]["sent"]) == (True, 2)


@pytest.mark.parametrize(("minutes", "options", "found"), [(100, [], 0), (101, [], 1), (100, ["--grace", "99"], 1)])
def test_an_upload_may_wait_for_as_long_as_the_queue_and_the_retries_hide_its_message(
    place, monkeypatch, minutes, options, found
):
    """A minute of this queue's visibility timeout, and 99.6 of the retries."""
    where = {"LocationConstraint": place.stage.region}
    place.s3.create_bucket(Bucket=place.stage.variants_bucket, CreateBucketConfiguration=where)
    place.s3.put_object(Bucket=place.stage.uploads_bucket, Key="images/a.jpg", Body=b"not processed yet")
    place.sqs.send_message(QueueUrl=place.stage.queue_url, MessageBody=place.body("images/a.jpg"))
    later = time.time() + minutes * 60
    monkeypatch.setattr("ops.cli.audit.command.time", SimpleNamespace(time=lambda: later))

    result = CliRunner().invoke(make_app(), ["audit", "--stage", place.name, "--json", *options])

    document = json.loads(result.stdout)
    whats = [each["what"] for each in document["findings"]]
    assert (whats.count("no record"), document["fine"]) == (found, {} if found else {"in progress": 1})
