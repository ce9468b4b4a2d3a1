"""What an item says: the phase of its version, which of several counts, and that nothing is lost in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.ledger import REMOVED_KEY, ImageRecord, Phase, Reason, Record, Status, VariantRecord, Version, current
from processing.ledger.item import attributes, image_attributes, read, reason_attributes

NOW = 100
A, B, C = (Version("uploads", "images/cat.jpg", etag) for etag in "abc")
REMOVALS = Version("uploads", "images/cat.jpg", REMOVED_KEY)

PHASES = [
    (Record(A, Status.IN_PROGRESS, lease_until=NOW + 1), Phase.WORKING),
    (Record(A, Status.IN_PROGRESS, lease_until=NOW + 1, last_receive=True), Phase.WORKING),
    (Record(A, Status.IN_PROGRESS, lease_until=NOW), Phase.INTERRUPTED),
    (Record(A, Status.IN_PROGRESS), Phase.NOT_STARTED),
    (Record(A, Status.IN_PROGRESS, lease_until=NOW, last_receive=True), Phase.DEAD),  # killed
    (Record(A, Status.IN_PROGRESS, last_receive=True), Phase.DEAD),  # given back
    (Record(A, Status.FAILED), Phase.RETRYING),
    (Record(A, Status.FAILED, last_receive=True), Phase.DEAD),
    *(
        (Record(A, status, last_receive=last), Phase[status.name])
        for status in (Status.REJECTED, Status.DONE, Status.SUPERSEDED, Status.REMOVED)
        for last in (False, True)
    ),
]


@pytest.mark.parametrize(("record", "phase"), PHASES)
def test_status_lease_and_receive_together_say_how_far_a_version_is(record: Record, phase: Phase) -> None:
    assert record.phase(NOW) is phase


def test_every_status_has_a_phase_and_every_phase_a_meaning() -> None:
    assert {record.status for record, _ in PHASES} == set(Status)
    assert {phase for _, phase in PHASES} == set(Phase)


def test_what_is_good_is_an_end_and_its_message_was_acknowledged() -> None:
    assert {phase for phase in Phase if phase.is_good} == {Phase.DONE, Phase.SUPERSEDED, Phase.REMOVED}
    assert {phase for phase in Phase if phase.is_end} == {*Phase} - {
        *(Phase.NOT_STARTED, Phase.WORKING, Phase.INTERRUPTED, Phase.RETRYING)
    }


OLDER, NEWER = Record(A, Status.DONE, updated_at=1), Record(B, Status.REJECTED, updated_at=2)
SUPERSEDED = Record(C, Status.SUPERSEDED, updated_at=3)
REMOVED, REMOVING = (Record(REMOVALS, status, updated_at=4) for status in (Status.REMOVED, Status.IN_PROGRESS))


@pytest.mark.parametrize(
    ("records", "source", "expected"),
    [
        ([OLDER, NEWER], "a", OLDER),  # uploaded again, and done already: nothing was written
        ([OLDER, NEWER], "b", NEWER),
        ([OLDER, NEWER], "c", None),  # its message is on its way
        ([OLDER, NEWER], None, NEWER),
        ([NEWER, replace(OLDER, status=Status.IN_PROGRESS)], None, replace(OLDER, status=Status.IN_PROGRESS)),
        ([OLDER, REMOVED], "a", OLDER),  # a late removal of what is back
        ([OLDER, REMOVED], None, REMOVED),
        ([OLDER, replace(REMOVED, updated_at=1)], None, replace(REMOVED, updated_at=1)),  # within one second
        ([Record(A, Status.REMOVED), NEWER], "a", None),  # uploaded again
        ([OLDER, NEWER, SUPERSEDED], "c", None),  # uploaded again
    ],
)
def test_of_several_records_that_of_the_version_that_is_there_counts(
    records: list[Record], source: str | None, expected: Record | None
) -> None:
    assert current(records, lambda: source) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [([], None), ([OLDER], OLDER), ([SUPERSEDED], None), ([OLDER, SUPERSEDED], OLDER), ([OLDER, REMOVING], OLDER)],
)
def test_where_there_is_no_choice_nobody_asks_for_the_source(records: list[Record], expected: Record | None) -> None:
    def asked() -> str | None:
        raise AssertionError

    assert current(records, asked) == expected


def image(key: str, *variants: VariantRecord) -> ImageRecord:
    return ImageRecord(
        image_format="jpeg",
        mode="RGB",
        width=4000,
        height=3000,
        size_bytes=3_456_789,
        content_type="image/jpeg",
        has_transparency=False,
        created_date="2026-05-04T12:13:14",
        variants=variants or tuple(variant(name, key) for name in ("desktop", "tablet", "phone")),
        lost=("hdr_gain_map",),
        timings={"fetch": 31, "render": 98, "publish": 84},
        placeholder="UklGRhgAAABXRUJQVlA4IAwAAAAwAQCdASoBAAEAAQAcJaQAA3AA",
        color="#8a6b4f",
    )


def variant(name: str, key: str, extension: str = "", form: str = "jpeg", **others: str) -> VariantRecord:
    return VariantRecord(
        name, f"{name}/{key.removeprefix('images/')}{extension}", form, 1920, 1440, 345_678, "0123456789", **others
    )


TEXT = st.text(min_size=1, max_size=40)


@given(
    rest=TEXT,
    prefix=st.sampled_from(["images/", "in/raw/", "a/a/", ""]),
    extensions=st.lists(st.sampled_from(["", ".webp", ".image.webp", ".jpg"]), min_size=1, max_size=4),
    form=st.sampled_from(["jpeg", "webp"]),
    stored_as=st.sampled_from(["", "9876543210"]),
)
def test_an_image_is_read_as_it_was_written_whatever_its_keys(
    rest: str, prefix: str, extensions: list[str], form: str, stored_as: str
) -> None:
    version = Version("uploads", f"{prefix}{rest}", "e1")
    variants = [
        variant(f"v{at}", f"images/{rest}", each, form, stored_as=stored_as) for at, each in enumerate(extensions)
    ]
    written = image(version.key, *variants)

    item = version.item_key | attributes({"status": "DONE"}) | image_attributes(written, version)

    assert read(item).image == written
    assert read(item).version == version


def test_an_image_from_before_there_were_placeholders_is_read_without_one() -> None:
    item = A.item_key | attributes({"status": "DONE"}) | image_attributes(image(A.key), A)
    older = {name: value for name, value in item.items() if name not in ("placeholder", "color")}

    assert read(older).image == replace(image(A.key), placeholder="", color="")


def test_a_placeholder_is_given_as_a_url_that_needs_no_request() -> None:
    assert image(A.key).placeholder_url.startswith("data:image/webp;base64,UklGR")
    assert replace(image(A.key), placeholder="").placeholder_url == ""


@pytest.mark.parametrize(
    "reason",
    [
        Reason("KeyError", "'x'", "ab12cd34", attempt=3, last=True, request_id="r-1"),
        Reason("KeyError", "'x'", "ab12cd34", where="imaging/steps.py:41 crop < imaging/render.py:80 render"),
        Reason("AssertionError", "", "ab12cd34"),  # an exception need not say anything
    ],
)
def test_a_reason_is_read_as_it_was_written(reason: Reason) -> None:
    item = A.item_key | attributes({"status": "FAILED"}) | reason_attributes(reason)

    assert read(item).reason == reason
