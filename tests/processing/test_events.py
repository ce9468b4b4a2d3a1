"""What a message says, in each of its forms, and what is refused."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.errors import MalformedMessage
from processing.events import CLOCKS_APART, FRESH, ObjectCreated, ObjectRemoved, parse
from tests.builders import created_body, eventbridge_body, expired_body, removed_body, s3_body, s3_record, sns_body

KEYS = ["images/a b+c/ñandú à la plage.jpg", "images/100%.png", "images/%41.png", "images/ .jpg", "images/写真.jpg"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", [created_body, lambda key: sns_body(created_body(key)), eventbridge_body])
def test_every_form_names_the_same_object(key: str, form: Any) -> None:
    (event,) = parse(form(key))

    assert isinstance(event, ObjectCreated)
    assert (event.bucket, event.key, event.etag, event.size) == ("uploads", key, "e1", 4)
    assert event.time is not None
    assert event.sequencer is not None


@pytest.mark.parametrize(
    "body",
    [
        removed_body("images/a.jpg"),
        sns_body(removed_body("images/a.jpg")),
        eventbridge_body("images/a.jpg", kind="Object Deleted"),
        s3_body(s3_record("images/a.jpg", name="ObjectRemoved:DeleteMarkerCreated")),
        expired_body("images/a.jpg"),
        expired_body("images/a.jpg", name="LifecycleExpiration:DeleteMarkerCreated"),
        expired_body("images/a.jpg", name="s3:LifecycleExpiration:Delete"),
        sns_body(expired_body("images/a.jpg")),
        eventbridge_body("images/a.jpg", kind="Object Deleted", reason="Lifecycle Expiration"),
    ],
)
def test_every_form_tells_of_removals(body: str) -> None:
    (event,) = parse(body)

    assert isinstance(event, ObjectRemoved)
    assert (event.bucket, event.key) == ("uploads", "images/a.jpg")


def test_a_test_event_speaks_of_nothing() -> None:
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"})

    assert parse(body) == ()
    assert parse(sns_body(body)) == ()


def test_a_body_may_speak_of_several_objects() -> None:
    body = s3_body(s3_record("images/a.jpg"), s3_record("images/b.jpg", name="ObjectRemoved:Delete"))

    assert [type(event).__name__ for event in parse(body)] == ["ObjectCreated", "ObjectRemoved"]


def test_a_missing_sequencer_and_version_are_unknown() -> None:
    record = s3_record("images/a.jpg")
    del record["s3"]["object"]["sequencer"]

    (event,) = parse(s3_body(record))

    assert isinstance(event, ObjectCreated)
    assert (event.sequencer, event.version_id) == (None, None)


@pytest.mark.parametrize("version", [f"2.{minor}" for minor in range(1, 10)])
def test_every_minor_version_of_the_second_kind_is_read(version: str) -> None:
    assert parse(s3_body(s3_record("images/a.jpg", eventVersion=version)))


def test_an_etag_in_quotes_is_the_same_etag() -> None:
    (event,) = parse(created_body("images/a.jpg", etag='"d41d8cd9-3"'))

    assert isinstance(event, ObjectCreated)
    assert event.etag == "d41d8cd9-3"


def with_object(**changes: Any) -> str:
    record = s3_record("images/a.jpg")
    record["s3"]["object"] |= changes
    return s3_body(record)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "is not JSON"),
        ("not json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "list, not a JSON object"),
        ("null", "NoneType, not a JSON object"),
        ("{}", "no S3 event: found the fields none"),
        ('{"hello": 1}', "found the fields hello"),
        ('{"Records": []}', "no S3 event"),
        ('{"Records": "text"}', "no S3 event"),
        ('{"Records": [7]}', r"Records\[\] is int"),
        (s3_body({"eventName": "ObjectCreated:Put"}), r"Records\[\].s3 is NoneType"),
        (s3_body(s3_record("images/a.jpg", eventVersion="3.0")), "eventVersion 3.0"),
        (s3_body(s3_record("images/a.jpg", name="ObjectRestore:Post")), "none of ObjectCreated, ObjectRemoved and"),
        (s3_body(s3_record("images/a.jpg", name="LifecycleTransition")), "none of ObjectCreated, ObjectRemoved and"),
        (eventbridge_body("images/a.jpg", kind="Object Tags Added"), "neither 'Object Created'"),
        (sns_body("not json"), "the SNS envelope's Message is not JSON"),
        (json.dumps({"Type": "Notification", "Message": 7}), "Message is not text"),
        (with_object(key=""), "key is"),
        (with_object(key=7), "key is 7, not text"),
        (with_object(key="images%2F%FF.jpg"), "key is not valid UTF-8"),
        (with_object(key="images/\ud800.jpg"), "key is not valid UTF-8"),
        (with_object(key="k" * 1025), "1025 bytes"),
        (with_object(key="é" * 513), "1026 bytes"),
        (with_object(eTag=None), "eTag is missing"),
        (with_object(eTag='""'), "eTag is not a version token"),
        (with_object(eTag="e\n1"), "eTag is not a version token"),
        (with_object(eTag="e" * 257), "eTag is not a version token"),
        (with_object(size="4"), "size is '4'"),
        (with_object(size=-1), "size is -1"),
        (with_object(size=True), "size is True"),
        (with_object(sequencer=12), "sequencer is 12"),
        (json.dumps({"filler": "x" * 300_000}), "found the fields filler"),
    ],
)
def test_anything_else_is_malformed_and_says_why(body: str, says: str) -> None:
    with pytest.raises(MalformedMessage, match=says):
        parse(body)


def test_a_key_of_1024_bytes_is_read() -> None:
    (event,) = parse(created_body("é" * 512))

    assert event.key == "é" * 512


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "object", "bucket", "name", "key", "eTag", "detail", "detail-type", "Type"]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_the_body_nothing_but_malformed_is_raised(document: Any) -> None:
    with contextlib.suppress(MalformedMessage):
        parse(json.dumps(document))


UPLOADED = datetime(2026, 11, 21, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("time", ["2026-11-21T07:00:00.000Z", "2026-11-21T07:00:00Z"], ids=["s3", "eventbridge"])
@pytest.mark.parametrize("late", [-CLOCKS_APART, 0, FRESH])
def test_an_upload_is_ready_from_its_own_time(time: str, late: float) -> None:
    event = ObjectCreated("uploads", "a", "e", time=time)

    assert event.ready_ms(sent=UPLOADED + late, now=UPLOADED + 1900.5) == 1_900_500


@pytest.mark.parametrize("late", [-UPLOADED, -1 - CLOCKS_APART, 1 + FRESH])
def test_a_redrive_and_a_backfill_say_nothing_of_an_upload(late: float) -> None:
    event = ObjectCreated("uploads", "a", "e", time="2026-11-21T07:00:00Z")

    assert event.ready_ms(sent=UPLOADED + late, now=UPLOADED + 1900) is None


@pytest.mark.parametrize("time", [None, "yesterday", "0001-01-01", "9999-99-99T00:00:00Z"])
def test_an_event_without_a_time_says_nothing_either(time: str | None) -> None:
    assert ObjectCreated("uploads", "a", "e", time=time).ready_ms(sent=UPLOADED, now=UPLOADED) is None


def test_a_clock_that_is_ahead_makes_no_negative_time() -> None:
    event = ObjectCreated("uploads", "a", "e", time="2026-11-21T07:00:00Z")

    assert event.ready_ms(sent=UPLOADED - 1, now=UPLOADED - 0.5) == 0
